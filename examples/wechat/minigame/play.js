// The game: what the platform tells goes to the table, what the table knows to the screen.

import { SERVER } from "./config.js";
import { draw } from "./screen.js";
import { openTable } from "./table.js";

export function play(openLink) {
  const table = openTable(openLink, SERVER, draw);
  wx.onHide(() => table.hide());
  wx.onShow(() => table.show());
  wx.onNetworkStatusChange(({ isConnected }) => isConnected && table.show());
  wx.onTouchStart(() => table.roll());
  table.start();
}
