// TLS secrets in NSS key log form, for Wireshark. Only their owner may read the file, whatever its mode was before; and it is
// the file of that name itself: a link that somebody laid there would lead the secrets, or the mode, elsewhere.
import { closeSync, constants, fchmodSync, fstatSync, openSync, writeSync } from 'node:fs'
import { failure } from '../errors-node.js'
import { systemCode } from './config-file.js'

/** Appends a line a call. Throws ERR_CONFIG_INVALID where the file cannot be written. */
export function keylogFile(path: string): (line: string) => void {
  let file: number | undefined
  try {
    file = openSync(path, flags, 0o600)
    if (!fstatSync(file).isFile()) throw Object.assign(new Error('no plain file'), { code: 'no plain file' })
    fchmodSync(file, 0o600)
  } catch (cause) {
    if (file !== undefined) closeSync(file)
    throw failure('ERR_CONFIG_INVALID', `cannot write the keylog ${path} (${systemCode(cause)})`, { cause })
  }
  const descriptor = file
  process.once('exit', () => closeSync(descriptor))
  return (line) => {
    writeSync(descriptor, `${line}\n`)
  }
}

// Not blocked by a pipe that nobody reads. Windows knows neither of the two.
const flags =
  constants.O_APPEND |
  constants.O_CREAT |
  constants.O_WRONLY |
  (constants.O_NOFOLLOW ?? 0) |
  (constants.O_NONBLOCK ?? 0)
