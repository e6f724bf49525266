package computeprobe_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/apprunner"
	apptypes "github.com/aws/aws-sdk-go-v2/service/apprunner/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/awstest"
)

// deploy brings a version out on both platforms, as a pipeline does.
func deploy(t *testing.T, definition string) {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(awstest.Region))
	require.NoError(t, err)
	_, err = apprunner.NewFromConfig(cfg).UpdateService(t.Context(), &apprunner.UpdateServiceInput{ServiceArn: &runnerARN,
		SourceConfiguration: &apptypes.SourceConfiguration{AutoDeploymentsEnabled: aws.Bool(false)}})
	require.NoError(t, err)
	_, err = ecs.NewFromConfig(cfg).UpdateService(t.Context(), &ecs.UpdateServiceInput{Cluster: aws.String("drop"), Service: &ecsARN, TaskDefinition: &definition})
	require.NoError(t, err)
}
