// The server's errors, for both links.

/** Whether the server refused a connection for its token, which a fresh login replaces. */
export function isTokenError(err) {
  const code = err.data && err.data.code;
  return code === "token_expired" || code === "token_revoked" || code === "unauthorized";
}

/** The answer, or the server's error in it, thrown. */
export function unwrap(answer) {
  if (answer && answer.error) throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
  return answer;
}
