// TLS secrets in NSS key log form, for Wireshark. Only their owner may read the file, whatever its mode was before.
import { closeSync, fchmodSync, openSync, writeSync } from 'node:fs'
import { failure } from '../errors-node.js'
import { systemCode } from './config-file.js'

/** Appends a line a call. Throws ERR_CONFIG_INVALID where the file cannot be written. */
export function keylogFile(path: string): (line: string) => void {
  let file: number
  try {
    file = openSync(path, 'a', 0o600)
    fchmodSync(file, 0o600)
  } catch (cause) {
    throw failure('ERR_CONFIG_INVALID', `cannot write the keylog ${path} (${systemCode(cause)})`, { cause })
  }
  process.once('exit', () => closeSync(file))
  return (line) => {
    writeSync(file, `${line}\n`)
  }
}
