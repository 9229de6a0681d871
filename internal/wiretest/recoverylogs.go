package wiretest

// What the sessions about connection state recovery look like while the library does not have it.

const notRecoveredReal = `[
	{"http": "UPGRADE", "url": "/socket.io/?EIO=4&transport=websocket"},
	{"conn": "conn1", "opened": "websocket", "sid": "0H6M8LHzWpFKrmYeAAAc"},
	{"conn": "conn1", "dir": "client->server", "text": "40"},
	{"server": {"middleware_call": 1}},
	{"conn": "conn1", "dir": "server->client", "text": "40{\"sid\":\"x04VkB62UCewi7ecAAAb\"}"},
	{"server": {"ev": "connection", "id": "x04VkB62UCewi7ecAAAb", "recovered": false, "rooms": ["x04VkB62UCewi7ecAAAb"], "data": {"user": "joe"}}},
	{"conn": "conn1", "dir": "server->client", "text": "42[\"hello\",\"world\"]"},
	{"server": {"ev": "disconnect", "reason": "transport close"}},
	{"conn": "conn1", "engine_close": "transport close"},
	{"http": "UPGRADE", "url": "/socket.io/?EIO=4&transport=websocket"},
	{"conn": "conn2", "opened": "websocket", "sid": "xGsqDjfUkUQiJyWvAAAd"},
	{"conn": "conn2", "dir": "client->server", "text": "40{\"pid\":\"kBPxrV7DJjjD_7V9AAAc\",\"offset\":\"Q851AdA\"}"},
	{"server": {"middleware_call": 2}},
	{"conn": "conn2", "dir": "server->client", "text": "40{\"sid\":\"fresh-id-00000000001\"}"},
	{"server": {"ev": "connection", "id": "fresh-id-00000000001", "recovered": false, "rooms": ["fresh-id-00000000001"], "data": {"user": "joe"}}},
	{"conn": "conn2", "dir": "server->client", "text": "42[\"hello\",\"world\"]"},
	{"conn": "conn2", "dir": "client->server", "text": "41"},
	{"server": {"ev": "disconnect", "reason": "client namespace disconnect"}},
	{"conn": "conn2", "engine_close": "transport close"}
]`

const notRecoveredRaw = `[
	{"http": "UPGRADE", "url": "/socket.io/?EIO=4&transport=websocket"},
	{"conn": "conn1", "opened": "websocket", "sid": "WnhmFjV5hlmIZ5RVAAAe"},
	{"conn": "conn1", "dir": "client->server", "text": "40{\"token\":\"t\"}"},
	{"conn": "conn1", "dir": "server->client", "text": "40{\"sid\":\"X0vZ1Wa1TjqJhe_sAAAd\"}"},
	{"server": {"ev": "connection", "id": "X0vZ1Wa1TjqJhe_sAAAd", "recovered": false}},
	{"conn": "conn1", "dir": "server->client", "text": "42[\"first\",1]"},
	{"server": {"ev": "disconnect", "reason": "transport close"}},
	{"conn": "conn1", "engine_close": "transport close"},
	{"http": "UPGRADE", "url": "/socket.io/?EIO=4&transport=websocket"},
	{"conn": "conn2", "opened": "websocket", "sid": "dn0F0aXZOgW3QVQrAAAf"},
	{"conn": "conn2", "dir": "client->server", "text": "40{\"pid\":\"IinVU5GMfFJNtQ8XAAAe\",\"offset\":\"Q851Ajk\",\"token\":\"t\"}"},
	{"conn": "conn2", "dir": "server->client", "text": "40{\"sid\":\"fresh-id-00000000001\"}"},
	{"server": {"ev": "connection", "id": "fresh-id-00000000001", "recovered": false}},
	{"conn": "conn2", "dir": "server->client", "text": "42[\"first\",1]"},
	{"server": {"ev": "disconnect", "reason": "transport close"}},
	{"conn": "conn2", "engine_close": "transport close"}
]`

const notRecoveredReasons = `[
	{"http": "UPGRADE", "url": "/socket.io/?EIO=4&transport=websocket"},
	{"conn": "conn1", "opened": "websocket", "sid": "8vAH8e8lwclSINNoAAAj"},
	{"conn": "conn1", "dir": "client->server", "text": "40"},
	{"conn": "conn1", "dir": "server->client", "text": "40{\"sid\":\"63MaoiFK6aBHbQr-AAAl\"}"},
	{"server": {"ev": "connection", "recovered": false}},
	{"conn": "conn1", "dir": "server->client", "text": "42[\"first\",1]"},
	{"conn": "conn1", "dir": "client->server", "text": "41"},
	{"server": {"ev": "disconnect", "reason": "client namespace disconnect"}},
	{"conn": "conn1", "dir": "client->server", "text": "40{\"pid\":\"xZIymp8cI7y7uAQXAAAm\",\"offset\":\"Q851Aqc\"}"},
	{"conn": "conn1", "dir": "server->client", "text": "40{\"sid\":\"QGKmnW5wz4H_9WJDAAAn\"}"},
	{"server": {"ev": "connection", "recovered": false}},
	{"conn": "conn1", "dir": "server->client", "text": "42[\"first\",1]"},
	{"server": {"ev": "disconnect", "reason": "transport close"}},
	{"conn": "conn1", "engine_close": "transport close"}
]`

const notRecoveredFlags = `[
	{"http": "UPGRADE", "url": "/socket.io/?EIO=4&transport=websocket"},
	{"conn": "conn1", "opened": "websocket", "sid": "4vWDh0lReA4VgIY9AAAk"},
	{"conn": "conn1", "dir": "client->server", "text": "40"},
	{"conn": "conn1", "dir": "server->client", "text": "40{\"sid\":\"QKnTFY82YA1-SrvBAAAp\"}"},
	{"conn": "conn1", "dir": "server->client", "text": "42[\"plain\"]"},
	{"conn": "conn1", "dir": "server->client", "text": "420[\"with-ack\",1]"},
	{"conn": "conn1", "dir": "server->client", "text": "42[\"str\",\"last is a string\"]"},
	{"conn": "conn1", "dir": "server->client", "text": "42[\"all\",{\"a\":1}]"},
	{"conn": "conn1", "engine_close": "transport close"}
]`
