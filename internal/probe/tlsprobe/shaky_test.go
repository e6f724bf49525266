package tlsprobe

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/fixtures/tlstest"
)

// shaky are servers that lose some connections, whatever is offered on them.
// runs is how often each is graded. With LAUNCHGATE_SHAKY_RUNS=20 it takes five minutes.
var runs = func() int {
	if n, err := strconv.Atoi(os.Getenv("LAUNCHGATE_SHAKY_RUNS")); err == nil {
		return n
	}
	return 1
}()

// shakyTime is longer than the slowest server needs.
const shakyTime = 60 * time.Second

var shaky = map[string]func(tlstest.Handler) tlstest.Handler{
	"drops every fifth connection": func(then tlstest.Handler) tlstest.Handler {
		var n atomic.Int64
		return func(conn net.Conn) {
			if n.Add(1)%5 == 0 {
				return
			}
			then(conn)
		}
	},
	"resets one in five by chance": func(then tlstest.Handler) tlstest.Handler {
		return func(conn net.Conn) {
			if rand.IntN(5) == 0 {
				tlstest.ResetAfterHello(conn)
				return
			}
			then(conn)
		}
	},
	"closes one in five after the hello": func(then tlstest.Handler) tlstest.Handler {
		return func(conn net.Conn) {
			if rand.IntN(5) == 0 {
				tlstest.CloseAfterHello(conn)
				return
			}
			then(conn)
		}
	},
	"allows four connections": func(then tlstest.Handler) tlstest.Handler {
		var open atomic.Int64
		return func(conn net.Conn) {
			defer open.Add(-1)
			if open.Add(1) > 4 {
				return
			}
			then(conn)
		}
	},
	"answers after three seconds": func(then tlstest.Handler) tlstest.Handler {
		return func(conn net.Conn) {
			<-time.After(3 * time.Second)
			then(conn)
		}
	},
	"closes after the hello": func(tlstest.Handler) tlstest.Handler { return tlstest.CloseAfterHello },
	"allows thirty connections": func(then tlstest.Handler) tlstest.Handler {
		var n atomic.Int64
		return func(conn net.Conn) {
			if n.Add(1) > 30 {
				return
			}
			then(conn)
		}
	},
}

func TestShakyServersGetNoBetterGrade(t *testing.T) {
	for title, wrap := range shaky {
		for _, c := range []struct {
			name   string
			config *tls.Config
			header string
			want   string
		}{
			{"good", &tls.Config{}, "Strict-Transport-Security: max-age=63072000", "A+"},
			{"old", &tls.Config{MinVersion: tls.VersionTLS10}, "", "B"},
			{"RC4", &tls.Config{CipherSuites: []uint16{tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}, "", "B"},
		} {
			t.Run(title+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, 1)
				got := map[string]int{}
				for range runs {
					config := w.config(t, tlstest.RSA(2048))
					config.MinVersion, config.CipherSuites = c.config.MinVersion, c.config.CipherSuites
					if c.name == "RC4" {
						config.MaxVersion = tls.VersionTLS12
					}
					w.servers[0].Handle(wrap(tlstest.Serve(config, c.header)))
					o := &Observer{Network: w.observer.Network}
					ctx, cancel := context.WithTimeout(t.Context(), shakyTime)
					g := o.Grade(ctx, "203.0.113.80:443", name, time.Time{})
					cancel()
					got[g.Grade.Grade]++
				}
				t.Log(got)
				assert.Equal(t, runs, got[""]+got[c.want], "%v", got)
				assert.LessOrEqual(t, w.servers[0].Connections(), runs*maxConnections)
			})
		}
	}
}
