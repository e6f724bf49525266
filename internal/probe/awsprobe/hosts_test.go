package awsprobe

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Under amazonaws.com customers have hosts of their own, with certificates that everybody trusts: an API behind API Gateway answers whatever
// it likes. https://docs.aws.amazon.com/general/latest/gr/rande.html has the endpoints of services.
func TestWhatACustomerAnswersIsNotAWS(t *testing.T) {
	for _, host := range []string{"sts.eu-west-1.amazonaws.com", "iam.amazonaws.com", "iam.us-gov.amazonaws.com", "api.ecr.eu-west-1.amazonaws.com", "ce.us-east-1.amazonaws.com", "route53.amazonaws.com:443", "sts-fips.us-east-1.amazonaws.com",
		"application-autoscaling.ap-southeast-2.amazonaws.com", "rds.cn-north-1.amazonaws.com.cn", "ecr.eu-west-1.api.aws", "iam.global.api.aws", "vpce-0a1b-2c3d.sts.eu-west-1.vpce.amazonaws.com"} {
		assert.Regexp(t, awsHost, host)
	}
	for _, host := range []string{"a1b2c3.execute-api.eu-west-1.amazonaws.com", "drop.s3.eu-west-1.amazonaws.com", "drop.s3.amazonaws.com", "api.s3.amazonaws.com", "vpce-drop.s3.eu-west-1.amazonaws.com", "search-drop.eu-west-1.es.amazonaws.com",
		"a1b2.appsync-api.eu-west-1.amazonaws.com", "drop-1.eu-west-1.elb.amazonaws.com", "ec2-192-0-2-1.eu-west-1.compute.amazonaws.com", "sts.eu-west-1.amazonaws.com.evil.example", "evilamazonaws.com", "sts.eu-west-1.amazonaws.com:8443", "a1b2.lambda-url.eu-west-1.on.aws"} {
		assert.NotRegexp(t, awsHost, host)
	}
}
