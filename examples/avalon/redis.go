package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime/redisadapter"
)

const (
	// keyPrefix begins the names of all keys. The braces keep them together in a Redis Cluster. The number has to change with the form
	// of a table, so that an older program does not find what it cannot read.
	keyPrefix = "{avalon}:1:"
	keyRows   = keyPrefix + "tables" // hash: row by id
	keyNumber = keyPrefix + "number" // of tables opened so far
	keyTable  = keyPrefix + "table:" // and the id; hash: rev, table

	// kept tables expire when no process has looked at them for so long.
	keepTables = time.Hour
)

// saveTable is what makes a change happen once, whoever else tries the same at the same time.
var saveTable = rueidis.NewLuaScript(`
local rev = redis.call('HGET', KEYS[1], 'rev') or '0'
if rev ~= ARGV[1] then return 0 end
if ARGV[4] == '' then
	redis.call('DEL', KEYS[1])
	redis.call('HDEL', KEYS[2], ARGV[5])
else
	redis.call('HSET', KEYS[1], 'rev', ARGV[2], 'table', ARGV[3])
	redis.call('HSET', KEYS[2], ARGV[5], ARGV[4])
	redis.call('PEXPIRE', KEYS[1], ARGV[6])
	redis.call('PEXPIRE', KEYS[2], ARGV[6])
end
return 1`)

// redisStore is the store of all processes that use the same database of a Redis.
type redisStore struct {
	client rueidis.Client
	keep   time.Duration

	mu      sync.Mutex
	renewed time.Time // when this process last kept the keys from expiring
}

// openRedis connects to the Redis of a URL.
func openRedis(url string) (*redisStore, error) {
	option, err := rueidis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	option.Dialer.Timeout, option.ConnWriteTimeout = time.Second, patienceWithStore
	option.DisableCache = true
	client, err := rueidis.NewClient(option)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	return &redisStore{client: client, keep: keepTables}, nil
}

// redisBus joins the processes that use the same database. Redis does not tell databases apart when something is published, so the
// names of the channels do.
func redisBus(url string) (*redisadapter.Adapter, error) {
	option, err := rueidis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	return redisadapter.New(redisadapter.Config{Redis: option, Prefix: "avalon-" + strconv.Itoa(option.SelectDB)})
}

func (s *redisStore) number(ctx context.Context) (uint64, error) {
	b := s.client.B
	replies := s.client.DoMulti(ctx, b().Incr().Key(keyNumber).Build(), s.expire(keyNumber))
	return replies[0].AsUint64()
}

func (s *redisStore) load(ctx context.Context, id string) ([]byte, error) {
	table, err := s.client.Do(ctx, s.client.B().Hget().Key(keyTable+id).Field("table").Build()).AsBytes()
	if rueidis.IsRedisNil(err) {
		return nil, errNoTable
	}
	return table, err
}

func (s *redisStore) save(ctx context.Context, r row, table []byte) (bool, error) {
	text := ""
	if !r.Closed {
		encoded, err := json.Marshal(r)
		if err != nil {
			return false, err
		}
		text = string(encoded)
	}
	return saveTable.Exec(ctx, s.client, []string{keyTable + r.ID, keyRows}, []string{
		strconv.FormatUint(r.Rev-1, 10), strconv.FormatUint(r.Rev, 10), string(table), text, r.ID, strconv.FormatInt(s.keep.Milliseconds(), 10),
	}).AsBool()
}

func (s *redisStore) rows(ctx context.Context) ([]row, error) {
	texts, err := s.client.Do(ctx, s.client.B().Hgetall().Key(keyRows).Build()).AsStrMap()
	if err != nil {
		return nil, err
	}
	rows := make([]row, 0, len(texts))
	for id, text := range texts {
		var r row
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			return nil, fmt.Errorf("row of table %s: %w", id, err)
		}
		rows = append(rows, r)
	}
	return s.renew(ctx, rows)
}

// renew keeps what is in use from expiring, now and then, and returns the rows without those whose table has expired nevertheless.
func (s *redisStore) renew(ctx context.Context, rows []row) ([]row, error) {
	s.mu.Lock()
	due := time.Since(s.renewed) > s.keep/4
	s.mu.Unlock()
	if !due {
		return rows, nil
	}
	commands := rueidis.Commands{s.expire(keyNumber), s.expire(keyRows)}
	for i := range rows {
		commands = append(commands, s.expire(keyTable+rows[i].ID))
	}
	replies := s.client.DoMulti(ctx, commands...)
	for _, reply := range replies {
		if err := reply.Error(); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	s.renewed = time.Now()
	s.mu.Unlock()
	alive := rows[:0]
	for i, reply := range replies[2:] {
		if there, err := reply.AsBool(); err != nil || there {
			alive = append(alive, rows[i])
		} else if err := s.client.Do(ctx, s.client.B().Hdel().Key(keyRows).Field(rows[i].ID).Build()).Error(); err != nil {
			return nil, err
		}
	}
	return alive, nil
}

func (s *redisStore) expire(key string) rueidis.Completed {
	return s.client.B().Pexpire().Key(key).Milliseconds(s.keep.Milliseconds()).Build()
}

func (s *redisStore) close() { s.client.Close() }
