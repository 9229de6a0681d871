// Who plays: a code of wx.login is exchanged at our own server for a token, which is kept until shortly before its end.

/** ms that a token must have left to be used. */
const SPARE = 30000;

/**
 * @param {string} server
 * @returns {{ token: () => Promise<string>, renew: () => Promise<string>, forget: () => void }}
 *   token gives the one that is kept, or a fresh one; renew always a fresh one; forget is for a token that the server refused.
 */
export function createLogin(server) {
  let kept = wx.getStorageSync("login") || null; // { token, until }: until is a time of the phone's own clock
  let running = null; // the login in progress, which all that ask meanwhile share

  function token() {
    return kept && kept.until - Date.now() > SPARE ? Promise.resolve(kept.token) : renew();
  }

  function renew() {
    if (!running) {
      const done = () => {
        running = null;
      };
      running = code().then((code) => post(server + "/login", { code })).then(keep);
      running.then(done, done);
    }
    return running;
  }

  function keep(answer) {
    kept = { token: answer.token, until: Date.now() + answer.expires_in };
    wx.setStorageSync("login", kept);
    return kept.token;
  }

  function forget() {
    kept = null;
    wx.removeStorageSync("login");
  }

  return { token, renew, forget };
}

/** A code is good for one exchange, within minutes. */
function code() {
  return new Promise((resolve, reject) => {
    wx.login({
      success: (result) => (result.code ? resolve(result.code) : reject(new Error(result.errMsg))),
      fail: (result) => reject(new Error(result.errMsg)),
    });
  });
}

function post(url, data) {
  return new Promise((resolve, reject) => {
    wx.request({
      url,
      method: "POST",
      data,
      timeout: 10000,
      success: (result) => (result.statusCode === 200 ? resolve(result.data) : reject(new Error("login refused: " + result.statusCode))),
      fail: (result) => reject(new Error(result.errMsg)),
    });
  });
}
