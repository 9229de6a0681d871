// Package prommetrics gives the figures of a [realtime.Server] to Prometheus.
//
//	metrics, err := prommetrics.New(prometheus.DefaultRegisterer, prommetrics.Options{})
//	cfg.Observer = metrics.Observer()
//	srv, err := realtime.New(cfg)
//	err = metrics.Watch(srv)
//
// Counters and histograms come from the observer; what a server is at the moment (connections, rooms, what waits) is asked of
// it at each scrape, in time that grows with the namespaces and not with the connections. The names are listed, with what to
// do about them, in docs/operations.md; grafana.json and alerts.yml beside this file show and watch them.
package prommetrics
