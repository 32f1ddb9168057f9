// The tests that run inside Chromium, as a project of vitest. Loaded by vitest.config.ts, in vitest's own process, where
// nothing from a test file may be imported.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { playwright } from '@vitest/browser-playwright'
import type { TestProjectInlineConfiguration } from 'vitest/config'
import { chromiumFlags, chromiumPath } from './chromium.js'

/**
 * Where Chromium is not installed they are left out and the summary names it; with CI=true
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

/** As peers.ts records it for the summary. */
function recordMissing(): void {
  const folder = process.env.UNDERPASS_PEER_RECORD
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'missing-chromium'), 'chromium')
}
