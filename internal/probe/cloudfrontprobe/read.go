package cloudfrontprobe

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"

	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// fill reads a distribution, but for its behaviors.
func (c *Config) fill(in *types.Distribution) {
	config := in.DistributionConfig
	c.Domain, c.Status, c.Enabled, c.Staging = aws.ToString(in.DomainName), aws.ToString(in.Status), aws.ToBool(config.Enabled), aws.ToBool(config.Staging)
	c.WebACL, c.Continuous = aws.ToString(config.WebACLId), aws.ToString(config.ContinuousDeploymentPolicyId)
	if config.Aliases != nil {
		c.Aliases = config.Aliases.Items
	}
	if config.ViewerCertificate != nil {
		c.Certificate = aws.ToString(config.ViewerCertificate.ACMCertificateArn)
	}
	c.Origins = map[string]Origin{}
	if config.Origins == nil {
		return
	}
	for _, o := range config.Origins.Items {
		origin := Origin{Domain: aws.ToString(o.DomainName), Path: aws.ToString(o.OriginPath)}
		switch {
		case o.CustomOriginConfig != nil:
			origin.Protocol, origin.Port = string(o.CustomOriginConfig.OriginProtocolPolicy), aws.ToInt32(o.CustomOriginConfig.HTTPSPort)
		case o.VpcOriginConfig != nil:
			origin.Protocol = "vpc"
		default:
			origin.Protocol = "s3"
		}
		c.Origins[aws.ToString(o.Id)] = origin
	}
}

// lifetimes are for how many seconds an answer is kept.
type lifetimes struct{ least, usual, most int64 }

// reader reads behaviors, and each policy that they share once.
type reader struct {
	ctx      context.Context //nolint:containedctx // lives for one observation
	client   *cloudfront.Client
	who      awsprobe.Identity
	caches   map[string]lifetimes
	forwards map[string]bool // cache and origin request policies by id: whether they hand the Host header on
}

func (r *reader) behaviors(config *types.DistributionConfig) ([]Behavior, error) {
	groups := map[string][]string{}
	if config.OriginGroups != nil {
		for _, g := range config.OriginGroups.Items {
			for _, member := range g.Members.Items {
				groups[aws.ToString(g.Id)] = append(groups[aws.ToString(g.Id)], aws.ToString(member.OriginId))
			}
		}
	}
	var all []types.CacheBehavior
	if config.CacheBehaviors != nil {
		all = slices.Clone(config.CacheBehaviors.Items)
	}
	if d := config.DefaultCacheBehavior; d != nil {
		all = append(all, types.CacheBehavior{PathPattern: aws.String("*"), TargetOriginId: d.TargetOriginId, ViewerProtocolPolicy: d.ViewerProtocolPolicy,
			CachePolicyId: d.CachePolicyId, OriginRequestPolicyId: d.OriginRequestPolicyId, ForwardedValues: d.ForwardedValues, MinTTL: d.MinTTL, DefaultTTL: d.DefaultTTL, MaxTTL: d.MaxTTL, //nolint:staticcheck // older distributions have nothing else
			FunctionAssociations: d.FunctionAssociations, LambdaFunctionAssociations: d.LambdaFunctionAssociations})
	}
	var read []Behavior
	for _, in := range all {
		b, err := r.behavior(in)
		if err != nil {
			return nil, err
		}
		id := aws.ToString(in.TargetOriginId)
		if b.Origins = groups[id]; b.Origins == nil {
			b.Origins = []string{id}
		}
		read = append(read, b)
	}
	return read, nil
}

// A behavior without policies has its lifetimes and headers itself, as it was done before there were policies. What is absent
// is CloudFront's default: a day, and at most a year.
const day, year = 24 * 3600, 365 * 24 * 3600

func (r *reader) behavior(in types.CacheBehavior) (Behavior, error) {
	b := Behavior{Pattern: aws.ToString(in.PathPattern), Viewer: string(in.ViewerProtocolPolicy)}
	if f := in.FunctionAssociations; f != nil {
		b.Functions += len(f.Items)
	}
	if f := in.LambdaFunctionAssociations; f != nil {
		b.Functions += len(f.Items)
	}
	kept := lifetimes{aws.ToInt64(in.MinTTL), or(in.DefaultTTL, day), or(in.MaxTTL, year)} //nolint:staticcheck // older distributions have nothing else
	if f := in.ForwardedValues; f != nil && f.Headers != nil {                             //nolint:staticcheck // as above
		b.ForwardHost = names(f.Headers.Items, "*", "Host")
	}
	if id := aws.ToString(in.CachePolicyId); id != "" {
		var err error
		if kept, err = r.cache(id); err != nil {
			return b, err
		}
		b.ForwardHost = r.forwards[id]
	}
	if id := aws.ToString(in.OriginRequestPolicyId); id != "" {
		forwards, err := r.origin(id)
		if err != nil {
			return b, err
		}
		b.ForwardHost = b.ForwardHost || forwards
	}
	b.MinTTL, b.DefaultTTL, b.MaxTTL = kept.least, kept.usual, kept.most
	return b, nil
}

func (r *reader) cache(id string) (lifetimes, error) {
	if kept, known := r.caches[id]; known {
		return kept, nil
	}
	out, err := r.client.GetCachePolicy(r.ctx, &cloudfront.GetCachePolicyInput{Id: &id})
	if err != nil {
		return lifetimes{}, awsprobe.Unreadable("cloudfront:GetCachePolicy", "the cache policy "+id, r.who, err)
	}
	policy := out.CachePolicy.CachePolicyConfig
	if key := policy.ParametersInCacheKeyAndForwardedToOrigin; key != nil && key.HeadersConfig != nil && key.HeadersConfig.Headers != nil {
		r.forwards[id] = names(key.HeadersConfig.Headers.Items, "Host")
	}
	r.caches[id] = lifetimes{aws.ToInt64(policy.MinTTL), or(policy.DefaultTTL, day), or(policy.MaxTTL, year)}
	return r.caches[id], nil
}

func (r *reader) origin(id string) (bool, error) {
	if forwards, known := r.forwards[id]; known {
		return forwards, nil
	}
	out, err := r.client.GetOriginRequestPolicy(r.ctx, &cloudfront.GetOriginRequestPolicyInput{Id: &id})
	if err != nil {
		return false, awsprobe.Unreadable("cloudfront:GetOriginRequestPolicy", "the origin request policy "+id, r.who, err)
	}
	r.forwards[id] = handsHost(out.OriginRequestPolicy.OriginRequestPolicyConfig.HeadersConfig)
	return r.forwards[id], nil
}

// handsHost says whether an origin request policy hands the Host header on.
func handsHost(headers *types.OriginRequestPolicyHeadersConfig) bool {
	if headers == nil {
		return false
	}
	listed := headers.Headers != nil && names(headers.Headers.Items, "Host")
	switch headers.HeaderBehavior {
	case types.OriginRequestPolicyHeaderBehaviorNone:
		return false
	case types.OriginRequestPolicyHeaderBehaviorWhitelist:
		return listed
	case types.OriginRequestPolicyHeaderBehaviorAllExcept:
		return !listed
	default: // allViewer and its kin, and what is not known yet
		return true
	}
}

// names says whether a list of headers or hosts names one of some.
func names(list []string, some ...string) bool {
	return slices.ContainsFunc(list, func(name string) bool {
		return slices.ContainsFunc(some, func(s string) bool { return strings.EqualFold(s, name) })
	})
}

func or(n *int64, otherwise int64) int64 {
	if n == nil {
		return otherwise
	}
	return *n
}
