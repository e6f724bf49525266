package tlsprobe

import "context"

// Leaf is the certificate that one address sends for a name.
type Leaf struct {
	Address string // "ip:port"
	SHA256  string // in hexadecimal; empty where Err says why there is none
	Err     error
}

// Leaves are the certificates that all addresses of a name send, for a probe that has to know whether somebody else saw
// the same ones.
func (o *Observer) Leaves(ctx context.Context, name string) ([]Leaf, error) {
	all, err := o.handshakes(ctx, name, name)
	leaves := make([]Leaf, len(all))
	for i, h := range all {
		leaves[i] = Leaf{Address: h.address, Err: h.err}
		if h.err == nil {
			leaves[i].SHA256 = fingerprint(h.chain[0])
		}
	}
	return leaves, err
}
