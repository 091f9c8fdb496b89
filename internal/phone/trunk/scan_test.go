package trunk_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"vigie/internal/freeport"
	"vigie/internal/phone/trunk"
)

// scan runs one program of sipvicious against the port of a server, from 127.0.0.1, and returns all that it says.
func scan(t *testing.T, program string, s *trunk.Server, arguments ...string) string {
	t.Helper()
	needs(t, program, "sipvicious")
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	// It keeps what it found in the home of who runs it, and speaks from a port that is free.
	arguments = append([]string{"-v", "-b", "127.0.0.1", "-P", fmt.Sprint(freeport.Port()), "-p", fmt.Sprint(s.Addr("udp").Port())}, append(arguments, "127.0.0.1")...)
	run := exec.CommandContext(ctx, program, arguments...)
	run.Dir = t.TempDir()
	run.Env = append(os.Environ(), "HOME="+run.Dir)
	said, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, said)
	}
	return string(said)
}

// A stranger who scans the port of a trunk finds no device there and no extension, whatever he asks for: nothing answers
// him. Who is asked for a password is asked whatever the extension. A peer finds us, which shows that the programs can.
func TestAScanFindsNothing(t *testing.T) {
	const nothing = "found nothing"
	for _, test := range []struct {
		who     string
		trunk   trunk.Trunk
		program string
		method  string
		finds   string
	}{
		{"stranger", stranger, "svmap", "OPTIONS", nothing},
		{"stranger", stranger, "svmap", "INVITE", nothing},
		{"stranger", stranger, "svmap", "REGISTER", nothing},
		{"stranger", stranger, "svwar", "REGISTER", nothing},
		{"stranger", stranger, "svwar", "OPTIONS", nothing},
		{"stranger", stranger, "svwar", "INVITE", nothing},
		{"without a password", roaming, "svwar", "REGISTER", nothing},
		{"without a password", roaming, "svwar", "INVITE", nothing},
		{"peer", trunk.Trunk{Name: "national", Peers: loopback}, "svwar", "REGISTER", nothing},
		{"peer", trunk.Trunk{Name: "national", Peers: loopback}, "svmap", "OPTIONS", "we have 1 devices"},
	} {
		t.Run(test.who+"/"+test.program+" "+test.method, func(t *testing.T) {
			t.Parallel()
			s := server(t, func(o *trunk.Options) {
				o.Trunks[0] = test.trunk
				o.Trunks[0].Numbers = []string{"3018"}
			})
			s.Incoming(func(c *trunk.Call) { c.Refuse(480) })
			arguments := []string{"-m", test.method}
			if test.program == "svwar" {
				arguments = append(arguments, "-e", "100-299,1000,3018", "--force")
			}
			contains(t, scan(t, test.program, s, arguments...), test.finds, true)
			if test.who == "stranger" && s.Refused(trunk.Stranger) == 0 {
				t.Error("no datagram of the scan came to the port")
			}
		})
	}
}

var (
	stranger = trunk.Trunk{Name: "national", Peers: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}}
	roaming  = trunk.Trunk{Name: "roaming", Challenge: true, User: "trunk", Password: "secret"}
)
