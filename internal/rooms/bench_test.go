package rooms

import (
	"fmt"
	"strconv"
	"testing"
)

func BenchmarkEach(b *testing.B) {
	x, all := populate(1000, 10)
	for _, w := range walks(all[0].id) {
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.Each(w.rooms, w.except, func(*member) {})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*w.reach), "ns/visit")
		})
	}
}

// BenchmarkEachBySize shows that neither the number of rooms nor that of members
// makes a visit dearer.
func BenchmarkEachBySize(b *testing.B) {
	for _, total := range []int{100, 10_000, 100_000} {
		x, _ := populate(total, 10)
		for _, room := range []string{"room5", "all"} {
			b.Run(fmt.Sprintf("members=%d/%s", total, room), func(b *testing.B) {
				rooms := []string{room}
				n := 0
				for b.Loop() {
					x.Each(rooms, nil, func(*member) { n++ })
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/visit")
			})
		}
	}
}

func BenchmarkEachParallel(b *testing.B) {
	x, all := populate(10_000, 10)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			at := i * 7 % 10_000
			rooms, except := [1]string{"room0"}, [1]string{all[at].id}
			x.Each(rooms[:], except[:], func(*member) {})
		}
	})
}

func BenchmarkJoinLeave(b *testing.B) {
	for _, size := range []int{0, 1, 10, 1000} {
		b.Run("room="+strconv.Itoa(size), func(b *testing.B) {
			x, _ := populate(size, max(size, 1))
			m := &member{"newcomer"}
			x.Add(m)
			b.ReportAllocs()
			for b.Loop() {
				x.Join(m, "all")
				x.Leave(m, "all")
			}
		})
	}
}

func BenchmarkAddRemove(b *testing.B) {
	x, _ := populate(10_000, 10)
	m := &member{"newcomer"}
	rooms := []string{"all", "room4"}
	b.ReportAllocs()
	for b.Loop() {
		x.Add(m)
		for _, room := range rooms {
			x.Join(m, room)
		}
		x.Remove(m, rooms)
	}
}
