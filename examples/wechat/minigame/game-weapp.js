// The entry of the mini game, over weapp.socket.io 3.0.0: to use it, rename it to game.js.

import { openLink } from "./link-weapp.js";
import { play } from "./play.js";

play(openLink);
