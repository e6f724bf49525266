package launch

import "strings"

// ARN is the name of one AWS resource: arn:partition:service:region:account:resource.
type ARN string

// UnmarshalText reads an ARN.
func (a *ARN) UnmarshalText(text []byte) error {
	if !matches[ARN](string(text)) {
		return errShape
	}
	*a = ARN(text)
	return nil
}

// Service is the AWS service that the resource belongs to.
func (a ARN) Service() string { return a.part(2) }

// Region is where the resource is.
func (a ARN) Region() string { return a.part(3) }

// Account is the account that the resource belongs to.
func (a ARN) Account() string { return a.part(4) }

// Resource is what it names in that account, such as service/drop-web/8fe1.
func (a ARN) Resource() string { return a.part(5) }

func (a ARN) part(n int) string {
	parts := strings.SplitN(string(a), ":", 6)
	if n >= len(parts) {
		return ""
	}
	return parts[n]
}

// Image is a container image by its digest, which never means another image tomorrow: <repository>@sha256:<64 hex digits>.
type Image string

// UnmarshalText reads an image.
func (i *Image) UnmarshalText(text []byte) error {
	if !matches[Image](string(text)) {
		return errShape
	}
	*i = Image(text)
	return nil
}

// Digest is the part after the @.
func (i Image) Digest() string {
	_, digest, _ := strings.Cut(string(i), "@")
	return digest
}
