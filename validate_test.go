package realtime_test

import (
	"testing"

	"github.com/realtime-go/realtime"
)

// What Validate lets through must not panic in New.
func TestNewNeverPanics(t *testing.T) {
	for name, cfg := range map[string]realtime.Config{
		"origin with a slash":      {Origins: []string{"https://game.example.com/"}},
		"origin with a long port":  {Origins: []string{"https://game.example.com:123456"}},
		"origin of another script": {Origins: []string{"https://bücher.example"}},
		"origin with a path":       {Origins: []string{"https://game.example.com/x"}},
		"negative connect size":    {Limits: realtime.Limits{ConnectMessageSize: -1}},
		"negative write timeout":   {Limits: realtime.Limits{WriteTimeout: -1}},
		"no attachments":           {Limits: realtime.Limits{Attachments: -1}},
		"everything off": {Limits: realtime.Limits{
			OutboundMemory: -1, EventRate: -1, ByteRate: -1, Rooms: -1, Namespaces: -1, ConnectAttempts: -1, DynamicNamespaces: -1,
			UnknownAcks: -1, PublicData: -1, UnjoinedSessions: -1, ConnectionsPerAddress: -1, ControlPackets: -1,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			valid := cfg.Validate()
			srv, err := realtime.New(cfg)
			if (valid == nil) != (err == nil) || (srv == nil) != (err != nil) {
				t.Errorf("Validate says %v, New %v", valid, err)
			}
		})
	}
}
