// What the player sees: some lines of text on the canvas.

const canvas = wx.createCanvas();
const pen = canvas.getContext("2d");

export function draw({ status, seat, state }) {
  pen.fillStyle = "#10241c";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = "#f3ead2";
  pen.font = "20px sans-serif";
  lines(status, seat, state).forEach((line, i) => pen.fillText(line, 24, 120 + 36 * i));
}

function lines(status, seat, state) {
  if (!state) return [status];
  const seats = state.seats.map((s, i) => "seat " + (i + 1) + ": " + describe(s) + (i === seat ? " (you)" : ""));
  const last = state.last ? "seat " + (state.last.seat + 1) + " rolled " + state.last.value : "nobody has rolled yet";
  return [status, ...seats, last, "touch to roll"];
}

function describe(seat) {
  if (!seat.taken) return "free";
  return seat.points + " points" + (seat.online ? "" : ", away");
}
