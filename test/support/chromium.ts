// Debian's Chromium, as every test starts it: quiet, offline, no sandbox (tests run as root in containers). Loaded by
// vitest.config.ts too, in vitest's own process, so nothing from a test file may be imported here.
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { playwright } from '@vitest/browser-playwright'
import type { TestProjectInlineConfiguration } from 'vitest/config'

export const chromiumFlags: readonly string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/**
 * The tests that run inside Chromium. Where it is not installed they are left out and the summary names it; with CI=true
 * they stay and fail.
 */
export function chromiumProjects(): TestProjectInlineConfiguration[] {
  const executablePath = chromiumPath()
  if (executablePath === undefined && process.env.CI !== 'true') {
    recordMissing()
    return []
  }
  return [
    {
      // Found out while tests run, a dependency would reload the page under them.
      optimizeDeps: { entries: ['test/**/*.chromium.test.ts'] },
      test: {
        name: 'chromium',
        include: ['test/**/*.chromium.test.ts'],
        testTimeout: 20_000,
        browser: {
          enabled: true,
          headless: true,
          screenshotFailures: false,
          provider: playwright({
            launchOptions: {
              executablePath: executablePath ?? '/usr/bin/chromium',
              args: [...chromiumFlags],
            },
          }),
          instances: [{ browser: 'chromium' }],
        },
      },
    },
  ]
}

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

/** As peers.ts records it for the summary. */
function recordMissing(): void {
  const folder = process.env.UNDERPASS_PEER_RECORD
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'missing-chromium'), 'chromium')
}
