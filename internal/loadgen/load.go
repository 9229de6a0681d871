package loadgen

import (
	"errors"
	"time"
)

// Load says what is sent.
type Load struct {
	Ask     bool          // questions that the server answers, from every connection; else messages to rooms
	Window  int           // closed loop: messages on their way, of the whole load or, with Ask, of each connection
	Rate    float64       // paced, if it is above 0: messages a second
	Payload int           // bytes of JSON, at least 40; 100
	Warm    time.Duration // load that is not measured
	Measure time.Duration
	Settle  bool             // first send each room a message until one arrives everywhere: nodes of a cluster learn of rooms by and by
	Mark    func(begin bool) // called by Run at the begin and at the end of what is measured; nil: nobody
	Tick    func(Sample)     // called by Run once a second while it measures; nil: nobody
}

func (l Load) check(c Config) error {
	switch {
	case l.Measure <= 0 || l.Warm < 0 || l.Payload < 40 || l.Rate < 0:
		return errors.New("loadgen: no time to measure, or a payload of less than 40 bytes")
	case l.Rate == 0 && l.Window < 1:
		return errors.New("loadgen: neither a rate nor a window")
	case l.Rate == 0 && l.Ask && l.Window > maxAsked:
		return errors.New("loadgen: a window of more than 900 questions")
	case !l.Ask && c.Members == 0, !l.Ask && !c.Publisher && c.Members < 2:
		return errors.New("loadgen: messages to rooms, but nobody in one who would get them")
	}
	return nil
}

// Sample is what happened in a second of the measurement.
type Sample struct {
	Since           time.Duration // from the begin of the measurement
	Sent, Delivered int64
	P50, P99, Max   time.Duration
	Ready           int // connections
}

// Result is what Run has measured.
type Result struct {
	Wall      time.Duration // how long it was measured
	Sent      int64         // messages or questions in that time
	Delivered int64         // arrivals of messages, or answers, in that time
	Lost      int64         // of everything that was sent, what had not arrived when patience was over
	Breaks    int           // connections that broke meanwhile, with Config.Reconnect
	Returns   int           // those that came back
	Break     error         // the last break
	Latency   *Histogram    // from the moment a message was due until it arrived

	CPU   time.Duration // of this process in that time
	Late  *Histogram    // how much later than due messages of a paced load were sent
	Limit string        // why the generator itself was the limit, or ""
}
