// The entry of the mini game, over this library's own client.

import { openLink } from "./link-realtime.js";
import { play } from "./play.js";

play(openLink);
