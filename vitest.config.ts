import { defineConfig } from 'vitest/config'
import { peersReporter } from './test/support/peers-reporter.js'

export default defineConfig({
  test: {
    reporters: ['default', peersReporter()],
    projects: [{ test: { name: 'node', include: ['test/**/*.test.ts'], testTimeout: 20_000 } }],
  },
})
