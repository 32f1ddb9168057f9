// Authorities in a file of a login.
import { failure } from '../errors-node.js'
import { trustStore } from '../pki/index.js'

/** PEM that has at least one certificate in it, and no broken one. Throws ERR_CONFIG_TRUST. */
export function checkedTrust(path: string, text: string): string {
  try {
    trustStore(text)
    return text
  } catch (cause) {
    throw failure('ERR_CONFIG_TRUST', path, { cause })
  }
}
