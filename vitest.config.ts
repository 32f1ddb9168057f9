import { cloudflareTest } from '@cloudflare/vitest-pool-workers'
import { defineConfig } from 'vitest/config'
import { chromiumProjects } from './test/support/chromium-project.js'
import { peersReporter } from './test/support/peers-reporter.js'

// workerd stays offline and quiet.
process.env.WRANGLER_SEND_METRICS = 'false'
process.env.WRANGLER_HIDE_BANNER = 'true'
process.env.CLOUDFLARE_CF_FETCH_ENABLED = 'false'

export default defineConfig({
  test: {
    reporters: ['default', peersReporter()],
    projects: [
      {
        test: {
          name: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.workerd.test.ts', 'test/**/*.chromium.test.ts'],
          testTimeout: 20_000,
          // Real servers make their first data directory in a hook.
          hookTimeout: 60_000,
        },
      },
      {
        plugins: [cloudflareTest({ miniflare: { compatibilityDate: '2026-04-01', cf: false } })],
        test: { name: 'workerd', include: ['test/**/*.workerd.test.ts'], testTimeout: 20_000 },
      },
      ...chromiumProjects(),
    ],
  },
})
