// Debian's Chromium as everything here starts it: quiet, offline, no sandbox (tests run as root in containers). Needs no test
// runner: benchmarks start it too.
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

export const chromiumFlags: readonly string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Undefined where it is not installed. */
export function chromiumPath(): string | undefined {
  if (process.env.UNDERPASS_WITHOUT_PEERS?.split(',').includes('chromium')) return undefined
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, 'chromium')
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not in this folder.
    }
  }
  return undefined
}
