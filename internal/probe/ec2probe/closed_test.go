package ec2probe

import (
	"encoding/xml"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

func port(n int) *int { return &n }

func tcp(r Rule) Rule {
	r.Protocol, r.From, r.To = "tcp", port(5432), port(5432)
	return r
}

func TestClosed(t *testing.T) {
	halves := []string{"0.0.0.0/1", "128.0.0.0/1"}
	var slices16 []string
	for i := 1; i < 300; i++ {
		slices16 = append(slices16, fmt.Sprintf("%d.%d.0.0/16", 1+i/250, i%250))
	}
	for name, test := range map[string]struct {
		rules  []Rule
		more   map[string]Group
		lists  map[string][]string
		status probe.Status
		got    string
	}{
		"nothing comes in":                    {nil, nil, nil, probe.Pass, ""},
		"one address":                         {[]Rule{tcp(Rule{Ranges: []string{"192.0.2.7/32"}})}, nil, nil, probe.Pass, ""},
		"the private networks":                {[]Rule{tcp(Rule{Ranges: []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"}, Ranges6: []string{"fc00::/7"}})}, nil, nil, probe.Pass, ""},
		"everybody":                           {[]Rule{tcp(Rule{Ranges: []string{"0.0.0.0/0"}})}, nil, nil, probe.Fail, "0.0.0.0/0 in sg-1"},
		"everybody by IPv6":                   {[]Rule{tcp(Rule{Ranges6: []string{"::/0"}})}, nil, nil, probe.Fail, "::/0 in sg-1"},
		"all of IPv6 that is handed out":      {[]Rule{tcp(Rule{Ranges6: []string{"2000::/3"}})}, nil, nil, probe.Fail, "2000::/3"},
		"two halves":                          {[]Rule{tcp(Rule{Ranges: halves})}, nil, nil, probe.Fail, "/1 in sg-1"},
		"many pieces":                         {[]Rule{tcp(Rule{Ranges: slices16})}, nil, nil, probe.Fail, "/16 in sg-1"},
		"the same piece again and again":      {[]Rule{tcp(Rule{Ranges: []string{"8.0.0.0/8", "8.1.0.0/16", "8.0.0.0/8"}})}, nil, nil, probe.Pass, ""},
		"everybody, by all protocols":         {[]Rule{{Protocol: "-1", Ranges: []string{"0.0.0.0/0"}}}, nil, nil, probe.Fail, ""},
		"everybody, by a range of ports":      {[]Rule{{Protocol: "tcp", From: port(0), To: port(65535), Ranges: []string{"0.0.0.0/0"}}}, nil, nil, probe.Fail, ""},
		"everybody, by number":                {[]Rule{{Protocol: "6", From: port(5432), To: port(5433), Ranges: []string{"0.0.0.0/0"}}}, nil, nil, probe.Fail, ""},
		"everybody, without ports":            {[]Rule{{Protocol: "tcp", Ranges: []string{"0.0.0.0/0"}}}, nil, nil, probe.Fail, ""},
		"everybody, by a word nobody knows":   {[]Rule{{Protocol: "all", Ranges: []string{"0.0.0.0/0"}}}, nil, nil, probe.Fail, ""},
		"everybody, to another port":          {[]Rule{{Protocol: "tcp", From: port(443), To: port(443), Ranges: []string{"0.0.0.0/0"}}}, nil, nil, probe.Pass, ""},
		"everybody, by UDP":                   {[]Rule{{Protocol: "udp", From: port(0), To: port(65535), Ranges: []string{"0.0.0.0/0"}}}, nil, nil, probe.Pass, ""},
		"everybody, by another protocol":      {[]Rule{{Protocol: "50", Ranges: []string{"0.0.0.0/0"}}}, nil, nil, probe.Pass, ""},
		"a range that is none":                {[]Rule{tcp(Rule{Ranges: []string{"everything"}})}, nil, nil, probe.Blocked, "everything"},
		"a list of two offices":               {[]Rule{tcp(Rule{Lists: []string{"pl-1"}})}, nil, map[string][]string{"pl-1": {"192.0.2.0/28", "198.51.100.0/28"}}, probe.Pass, ""},
		"a list of everybody":                 {[]Rule{tcp(Rule{Lists: []string{"pl-1"}})}, nil, map[string][]string{"pl-1": {"192.0.2.0/28", "0.0.0.0/0"}}, probe.Fail, "0.0.0.0/0"},
		"a list that is not there":            {[]Rule{tcp(Rule{Lists: []string{"pl-1"}})}, nil, nil, probe.Blocked, "prefix list pl-1"},
		"a list that is not there, elsewhere": {[]Rule{{Protocol: "tcp", From: port(22), To: port(22), Lists: []string{"pl-1"}}}, nil, nil, probe.Pass, ""},
		"the application's group":             {[]Rule{tcp(Rule{Groups: []string{"sg-2"}})}, map[string]Group{"sg-2": {ID: "sg-2"}}, nil, probe.Pass, ""},
		"a group that serves the web":         {[]Rule{tcp(Rule{Groups: []string{"sg-2"}})}, map[string]Group{"sg-2": {ID: "sg-2", Ingress: []Rule{{Protocol: "tcp", From: port(443), To: port(443), Ranges: []string{"0.0.0.0/0"}}}}}, nil, probe.Pass, ""},
		"a group open on the port":            {[]Rule{tcp(Rule{Groups: []string{"sg-2"}})}, map[string]Group{"sg-2": {ID: "sg-2", Ingress: []Rule{tcp(Rule{Ranges: []string{"0.0.0.0/0"}})}}}, nil, probe.Fail, "in sg-2"},
		"a group behind a group":              {[]Rule{tcp(Rule{Groups: []string{"sg-2"}})}, map[string]Group{"sg-2": {ID: "sg-2", Ingress: []Rule{tcp(Rule{Groups: []string{"sg-3"}})}}, "sg-3": {ID: "sg-3", Ingress: []Rule{{Protocol: "-1", Ranges6: []string{"::/0"}}}}}, nil, probe.Fail, "in sg-3"},
		"itself":                              {[]Rule{tcp(Rule{Groups: []string{"sg-1"}})}, nil, nil, probe.Pass, ""},
		"a group that nobody can look up":     {[]Rule{tcp(Rule{Groups: []string{"sg-9"}})}, nil, nil, probe.Blocked, "security group sg-9"},
		"that, and everybody":                 {[]Rule{tcp(Rule{Groups: []string{"sg-9"}}), tcp(Rule{Ranges: []string{"0.0.0.0/0"}})}, nil, nil, probe.Fail, "0.0.0.0/0"},
	} {
		t.Run(name, func(t *testing.T) {
			rules := Rules{From: "EC2", Groups: map[string]Group{"sg-1": {ID: "sg-1", Ingress: test.rules}}, Lists: test.lists}
			for id, g := range test.more {
				rules.Groups[id] = g
			}
			err := closed(rules, Guarded{Name: "db", Port: 5432, Groups: []string{"sg-1"}})
			assert.Equal(t, test.status, probe.StatusOf(err), "%v", err)
			if test.got != "" {
				assert.ErrorContains(t, err, test.got)
			}
		})
	}
	assert.Equal(t, probe.Blocked, probe.StatusOf(closed(Rules{}, Guarded{Port: 5432})), "no groups")
	assert.Equal(t, probe.Blocked, probe.StatusOf(closed(Rules{}, Guarded{Groups: []string{"sg-1"}})), "no port")
	assert.Equal(t, probe.Blocked, probe.StatusOf(closed(Rules{}, Guarded{Port: 5432, Groups: []string{"sg-1"}})), "a group that was not found")
}

// answer in the form of the API reference's example of DescribeSecurityGroups.
const example = `<DescribeSecurityGroupsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>59dbff89-35bd-4eac-99ed-be587EXAMPLE</requestId>
  <securityGroupInfo>
    <item>
      <ownerId>123456789012</ownerId>
      <groupId>sg-1a2b3c4d</groupId>
      <groupName>databases</groupName>
      <groupDescription>Databases</groupDescription>
      <vpcId>vpc-614cc409</vpcId>
      <ipPermissions>
        <item>
          <ipProtocol>-1</ipProtocol>
          <groups><item><userId>123456789012</userId><groupId>sg-af8661c0</groupId></item></groups>
          <ipRanges/>
          <prefixListIds/>
        </item>
        <item>
          <ipProtocol>tcp</ipProtocol>
          <fromPort>22</fromPort>
          <toPort>5500</toPort>
          <groups/>
          <ipRanges><item><cidrIp>204.246.162.38/32</cidrIp></item><item><cidrIp>0.0.0.0/0</cidrIp><description>all</description></item></ipRanges>
          <ipv6Ranges><item><cidrIpv6>::/0</cidrIpv6></item></ipv6Ranges>
          <prefixListIds><item><prefixListId>pl-63a5400a</prefixListId></item></prefixListIds>
        </item>
      </ipPermissions>
      <ipPermissionsEgress>
        <item><ipProtocol>-1</ipProtocol><groups/><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges><prefixListIds/></item>
      </ipPermissionsEgress>
    </item>
  </securityGroupInfo>
</DescribeSecurityGroupsResponse>`

func TestAnswerIsReadAsTheReferenceHasIt(t *testing.T) {
	var page struct {
		Groups []Group `xml:"securityGroupInfo>item"`
	}
	require.NoError(t, xml.Unmarshal([]byte(example), &page))
	assert.Equal(t, []Group{{ID: "sg-1a2b3c4d", Name: "databases", Ingress: []Rule{
		{Protocol: "-1", Groups: []string{"sg-af8661c0"}},
		{Protocol: "tcp", From: port(22), To: port(5500), Ranges: []string{"204.246.162.38/32", "0.0.0.0/0"}, Ranges6: []string{"::/0"}, Lists: []string{"pl-63a5400a"}},
	}}}, page.Groups)
}
