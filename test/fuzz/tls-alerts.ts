/** Errors that are answered with no alert: what the peer said itself, and ends. */
export const silent = /^ERR_TLS_(ALERT(_|$)|HANDSHAKE_EOF$|TRUNCATED$)/
