// Which cryptography the page uses. WebCrypto where the browser lends it; on an insecure origin it does not, and the page
// brings its own, slower and in JavaScript, loaded only then.

/** Browsers lend WebCrypto to https: pages and to loopback alone. */
export function isSecure(): boolean {
  return globalThis.crypto?.subtle !== undefined
}

/** What goes into the dialer's options. */
export async function provider(): Promise<object> {
  if (isSecure()) return {}
  const { scriptCrypto } = await import('./script-crypto.js')
  return { crypto: scriptCrypto() }
}
