// TLS 1.3 servers refuse a client certificate after the handshake (RFC 8446 §4.4.2.4): who opens a tunnel only to look gives
// them the time of a few round trips.

/** Milliseconds to wait, by those that TCP's handshake took. */
export function lateRefusal(tcp: number): number {
  return Math.min(2_000, Math.max(300, 4 * tcp))
}
