// Drawings: line icons and the coats of arms by which players are told apart, as SVG nodes made from path data.

const SVG = "http://www.w3.org/2000/svg";

/** Icons on a field of 24 by 24; those in SOLID are filled, the others drawn. */
const ICONS = {
  merlin: "M12 2.5 14.4 9.6 21.5 12l-7.1 2.4L12 21.5 9.6 14.4 2.5 12l7.1-2.4zM19 3.5v4M17 5.5h4",
  percival: "M7 3h10v4.5a5 5 0 0 1-10 0zM12 12.5V19M8 20.5h8M7 5.5H4.5c0 3 1 4.5 3 5M17 5.5h2.5c0 3-1 4.5-3 5",
  servant: "M12 2.5 13.8 5v9.5h-3.6V5zM7 14.5h10M12 14.5v5M10.4 21h3.2",
  assassin: "M12 21.5 10.2 18V9.5h3.6V18zM7 9.5h10M12 9.5V4M10.4 3h3.2",
  morgana: "M20 14.6A8.5 8.5 0 1 1 9.6 4a7 7 0 0 0 10.4 10.6zM17 4.5v3M15.5 6h3",
  mordred: "M3.5 18.5 2.8 7l5 5L12 4.5 16.2 12l5-5-.7 11.5zM4 21.5h16",
  oberon: "M3 8c3-2 6-1.2 9 .8 3-2 6-2.8 9-.8 0 6-3 9-6 9-1.5 0-2.2-1-3-1s-1.5 1-3 1c-3 0-6-3-6-9zM6.5 11c1.2-.6 2.3-.4 3.3.6M14.2 11.6c1-1 2.1-1.2 3.3-.6",
  minion: "M12.5 2.5c1 4 5 5.5 5 11a5.5 5.5 0 0 1-11 0C6.5 11 8 10 8.5 7.5c1.7 1 2.3 2.2 2.3 3.8 1.7-2.3 2.3-5 1.7-8.8z",
  crown: "M3 18 2.2 7.5l5.3 4.2L12 4l4.5 7.7 5.3-4.2L21 18zM3.5 20h17v1.8h-17z",
  check: "M4.5 12.5 10 18 19.5 7",
  cross: "M6 6l12 12M18 6 6 18",
  back: "M14.5 5 7.5 12l7 7",
  share: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7L12 7M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7L12 17",
  chat: "M4 5h16v11H11l-4.5 4v-4H4z",
  scroll: "M7 3.5h12v14a3 3 0 0 1-3 3H6a2.5 2.5 0 0 1-2.5-2.5V16H13v2a3 3 0 0 0 3 2.5M7 3.5v12.5M10 8h6M10 11.5h6",
  mask: "M5 3h14v9c0 5-3.5 8-7 9.5C8.5 20 5 17 5 12zM9 9.5h1.5M13.5 9.5H15M9.5 14.5c1.5 1.3 3.5 1.3 5 0",
  send: "M4 12 20 4l-5 16-3-7z",
  glass: "M7 3h10M7 21h10M8 3c0 5 8 6.5 8 9s-8 4-8 9M16 3c0 5-8 6.5-8 9s8 4 8 9",
  seat: "M12 5v14M5 12h14",
};
const SOLID = new Set(["crown"]);

export function icon(name) {
  const svg = root("0 0 24 24", "icon");
  svg.append(path(ICONS[name] || ICONS.seat, SOLID.has(name) ? "solid" : "line"));
  return svg;
}

const OUTLINE = "M4 3H44V28C44 42 34 49 24 54 14 49 4 42 4 28Z";

/** One coat for each seat: field, charge and the charge's figure, so that colour is never the only difference. */
const COATS = [
  ["#2f6f9f", "#ecdcb2", "M24 0h24v56H24z"],
  ["#97303b", "#ecdcb2", "M0 46 24 22 48 46V58L24 35 0 58z"],
  ["#2d7a59", "#f0e6cc", "M0 0h13l35 40v16z"],
  ["#d7ae58", "#7a2430", "M19 0h10v18h19v10H29v28H19V28H0V18h19z"],
  ["#5a4a8c", "#e6cd80", "M0 0h8l16 20L40 0h8v6L31 26l17 22v8h-8L24 34 8 56H0v-8l17-22L0 6z"],
  ["#ccd5db", "#2c4a73", "M0 19h48v14H0z"],
  ["#27333d", "#d7ae58", "M24 0h24v27H24zM0 27h24v29H0z"],
  ["#b9632d", "#f4e5c4", "M6 0h36L24 45z"],
  ["#2a8590", "#e9f1ef", "M0 11h48v8H0zM0 27h48v8H0zM0 43h48v8H0z"],
  ["#7d3b6f", "#ecd0e2", "M24 14a12 12 0 1 0 .01 0z"],
];

/** The shield of a seat; a free seat (-1) is an outline only. */
export function arms(seat) {
  const svg = root("0 0 48 56", seat < 0 ? "arms free" : "arms");
  if (seat >= 0) {
    const [field, metal, figure] = COATS[seat % COATS.length];
    const ground = path(OUTLINE, "ground");
    ground.setAttribute("fill", field);
    const charge = path(figure, "charge");
    charge.setAttribute("fill", metal);
    charge.setAttribute("clip-path", "url(#shield)");
    svg.append(ground, charge, path("M4 3H24V54C14 49 4 42 4 28Z", "shine"));
  }
  svg.append(path(OUTLINE, "rim"));
  return svg;
}

function root(viewBox, className) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", viewBox);
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  return svg;
}

function path(d, className) {
  const node = document.createElementNS(SVG, "path");
  node.setAttribute("d", d);
  node.setAttribute("class", className);
  return node;
}
