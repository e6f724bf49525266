package awsprobe

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"

	"github.com/getdrop/launchgate/internal/probe"
)

// Unreadable explains why a call gave no answer: nobody can tell, and the message names the call, who made it and, where
// permission was missing, the action. An answer "there is no such thing" is for the probe to judge; see Missing.
func Unreadable(action, want string, who Identity, err error) error {
	unknown := &probe.Unknown{Class: "aws.error", Want: want, Got: plain(err), From: action + " as " + who.String(), Err: err,
		Fix: "ask AWS for the cause with the request id"}
	var elsewhere *overridden
	var sealed *probe.Unknown
	code := Code(err)
	switch {
	case errors.As(err, &elsewhere):
		unknown.Class, unknown.Got, unknown.Fix = "aws.endpoint", elsewhere.Error(),
			"take endpoint overrides out of the environment"+in(redirections())+" and of ~/.aws/config"
	case errors.As(err, &sealed):
		return sealed
	case denied[code]:
		unknown.Class, unknown.Got = "aws.denied", code
		unknown.Fix = fmt.Sprintf("allow %s to %s; `launchgate iam-policy` prints all that is needed", action, who)
	case expired[code]:
		unknown.Class, unknown.Got, unknown.Fix = "aws.credentials", code, "log in again; the credentials are expired or wrong"
	case throttled(code):
		unknown.Class, unknown.Got, unknown.Fix = "aws.throttled", code+", again and again", "run again when fewer others ask the account"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		unknown.Class, unknown.Got, unknown.Fix = "timeout", "no answer in time", "see whether the endpoint is reached from this machine"
	case strings.Contains(err.Error(), "failed to refresh cached credentials"), strings.Contains(err.Error(), "get credentials"):
		unknown.Class, unknown.Got, unknown.Fix = "aws.credentials", "no credentials", "log in, or set AWS_PROFILE or the AWS_ variables"
	}
	return unknown
}

func in(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// Code is the error code that the service answered, without the prefix that some protocols put before it; empty where it did not answer.
func Code(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return ""
	}
	code := api.ErrorCode()
	return code[strings.LastIndexAny(code, "#.")+1:]
}

// Missing says whether the service answered that there is no such resource: measured, not unknown.
func Missing(err error) bool {
	code := Code(err)
	return strings.HasSuffix(code, "NotFoundException") || strings.HasSuffix(code, "NotFound") || strings.HasSuffix(code, "NotFoundFault") ||
		code == "NoSuchEntity" || code == "NoSuchHostedZone" || code == "NoSuchDistribution" || code == "WAFNonexistentItemException"
}

var denied = map[string]bool{"AccessDenied": true, "AccessDeniedException": true, "UnauthorizedOperation": true, "AuthorizationError": true,
	"AccessDeniedFault": true, "UnauthorizedException": true, "NotAuthorized": true}

var expired = map[string]bool{"ExpiredToken": true, "ExpiredTokenException": true, "InvalidClientTokenId": true, "UnrecognizedClientException": true,
	"InvalidSignatureException": true, "SignatureDoesNotMatch": true, "InvalidAccessKeyId": true, "MissingAuthenticationToken": true,
	"MissingAuthenticationTokenException": true, "IncompleteSignature": true, "AuthFailure": true, "RequestExpired": true, "OptInRequired": true}

func throttled(code string) bool {
	_, known := retry.DefaultThrottleErrorCodes[code]
	return known
}

// plain leaves out what the SDK wraps around the service's own words.
func plain(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return fmt.Sprintf("%s: %s", api.ErrorCode(), api.ErrorMessage())
	}
	return err.Error()
}
