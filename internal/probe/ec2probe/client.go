package ec2probe

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/ec2query"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// version is the API version that the answers are read by: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Welcome.html
const version = "2016-11-15"

// maxAnswer bounds an answer: a thousand groups of the largest size are smaller.
const maxAnswer = 16 << 20

// client makes calls to EC2 with the SDK's own credentials, signer, retries and transport; see docs/adr/0012. It runs the options
// of the configuration, so that what was declared and where calls may go is checked as for every other service. It does not know
// AWS_ENDPOINT_URL_EC2.
type client struct {
	config   aws.Config
	endpoint string
}

func newClient(cfg aws.Config) client {
	c := client{config: cfg, endpoint: aws.ToString(cfg.BaseEndpoint)}
	if c.endpoint == "" {
		suffix := "amazonaws.com"
		if strings.HasPrefix(cfg.Region, "cn-") {
			suffix += ".cn"
		}
		c.endpoint = "https://ec2." + cfg.Region + "." + suffix
	}
	return c
}

// call makes one call and reads the answer's XML into out.
func (c client) call(ctx context.Context, operation string, input url.Values, out any) error {
	stack := middleware.NewStack(operation, smithyhttp.NewStackRequest)
	add := []error{
		stack.Initialize.Add(&awsmiddleware.RegisterServiceMetadata{ServiceID: "EC2", Region: c.config.Region, OperationName: operation}, middleware.Before),
		stack.Serialize.Add(c.request(operation, input), middleware.After),
		stack.Deserialize.Add(answer(out), middleware.After),
		smithyhttp.AddComputeContentLengthMiddleware(stack),
		stack.Finalize.Add(&v4.ComputePayloadSHA256{}, middleware.After),
		stack.Finalize.Add(c.sign(), middleware.After),
		retry.AddRetryMiddlewares(stack, retry.AddRetryMiddlewaresOptions{Retryer: c.config.Retryer()}), // each attempt is signed anew
	}
	for _, option := range c.config.APIOptions {
		add = append(add, option(stack))
	}
	for _, err := range add {
		if err != nil {
			return err
		}
	}
	_, _, err := middleware.DecorateHandler(smithyhttp.NewClientHandlerWithOptions(c.config.HTTPClient), stack).Handle(ctx, input)
	if err != nil {
		return &smithy.OperationError{ServiceID: "EC2", OperationName: operation, Err: err}
	}
	return nil
}

// request writes the call as a form: https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html
func (c client) request(operation string, input url.Values) middleware.SerializeMiddleware {
	return middleware.SerializeMiddlewareFunc("Request", func(ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler) (middleware.SerializeOutput, middleware.Metadata, error) {
		request, ok := in.Request.(*smithyhttp.Request)
		if !ok {
			return middleware.SerializeOutput{}, middleware.Metadata{}, fmt.Errorf("want an HTTP request; got %T", in.Request)
		}
		target, err := url.Parse(c.endpoint)
		if err != nil {
			return middleware.SerializeOutput{}, middleware.Metadata{}, err
		}
		form := url.Values{"Action": {operation}, "Version": {version}}
		for key, values := range input {
			form[key] = values
		}
		request.Method, request.URL = "POST", target
		if request.URL.Path == "" {
			request.URL.Path = "/"
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if request, err = request.SetStream(bytes.NewReader([]byte(form.Encode()))); err != nil {
			return middleware.SerializeOutput{}, middleware.Metadata{}, err
		}
		in.Request = request
		return next.HandleSerialize(ctx, in)
	})
}

// sign signs one attempt. It has the name that the retries look for.
func (c client) sign() middleware.FinalizeMiddleware {
	return middleware.FinalizeMiddlewareFunc("Signing", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		request, ok := in.Request.(*smithyhttp.Request)
		if !ok {
			return middleware.FinalizeOutput{}, middleware.Metadata{}, fmt.Errorf("want an HTTP request; got %T", in.Request)
		}
		credentials, err := c.config.Credentials.Retrieve(ctx)
		if err == nil {
			err = v4.NewSigner().SignHTTP(ctx, credentials, request.Request, v4.GetPayloadHash(ctx), "ec2", c.config.Region, time.Now())
		}
		if err != nil {
			return middleware.FinalizeOutput{}, middleware.Metadata{}, fmt.Errorf("get credentials: %w", err)
		}
		return next.HandleFinalize(ctx, in)
	})
}

// answer reads what came back: XML, or an error in the form that the SDK's retries know.
func answer(into any) middleware.DeserializeMiddleware {
	return middleware.DeserializeMiddlewareFunc("Answer", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if err != nil {
			return out, metadata, err
		}
		response, ok := out.RawResponse.(*smithyhttp.Response)
		if !ok {
			return out, metadata, fmt.Errorf("want an HTTP response; got %T", out.RawResponse)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		if err != nil {
			return out, metadata, &smithyhttp.ResponseError{Response: response, Err: err}
		}
		if response.StatusCode < 200 || response.StatusCode > 299 {
			said, err := ec2query.GetErrorResponseComponents(bytes.NewReader(body))
			if err != nil || said.Code == "" {
				said.Code, said.Message = "UnknownError", fmt.Sprintf("status %d without an error code", response.StatusCode)
			}
			return out, metadata, &smithyhttp.ResponseError{Response: response, Err: &smithy.GenericAPIError{Code: said.Code, Message: said.Message}}
		}
		if err := xml.Unmarshal(body, into); err != nil {
			return out, metadata, &smithy.DeserializationError{Err: err}
		}
		out.Result = into
		return out, metadata, nil
	})
}
