package main

import (
	"context"

	"github.com/centrifugal/centrifuge"
)

func newCentrifuge(o order) (service, error) {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return service{}, err
	}
	if o.Redis != "" {
		shard, err := centrifuge.NewRedisShard(node, centrifuge.RedisShardConfig{Address: o.Redis})
		if err != nil {
			return service{}, err
		}
		broker, err := centrifuge.NewRedisBroker(node, centrifuge.RedisBrokerConfig{Prefix: o.Prefix, Shards: []*centrifuge.RedisShard{shard}})
		if err != nil {
			return service{}, err
		}
		node.SetBroker(broker)
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{Credentials: &centrifuge.Credentials{}}, nil
	})
	node.OnConnect(func(c *centrifuge.Client) {
		c.OnSubscribe(func(_ centrifuge.SubscribeEvent, reply centrifuge.SubscribeCallback) {
			reply(centrifuge.SubscribeReply{}, nil)
		})
		c.OnPublish(func(_ centrifuge.PublishEvent, reply centrifuge.PublishCallback) {
			reply(centrifuge.PublishReply{}, nil)
		})
		c.OnRPC(func(e centrifuge.RPCEvent, reply centrifuge.RPCCallback) {
			reply(centrifuge.RPCReply{Data: e.Data}, nil)
		})
	})
	if err := node.Run(); err != nil {
		return service{}, err
	}
	return service{centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{}), "JSON protocol", node.Shutdown}, nil
}
