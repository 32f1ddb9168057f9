// The pool that runs the suite in workerd turns nodejs_compat on for itself. Here is proof that nothing of ours needs it.
import { createRequire } from 'node:module'
import { build } from 'esbuild'
import { expect, it, vi } from 'vitest'

vi.setConfig({ testTimeout: 60_000 })

interface MiniflareLike {
  dispatchFetch(url: string): Promise<{ readonly status: number; text(): Promise<string> }>
  dispose(): Promise<void>
}

it('a tunnel works in workerd without nodejs_compat', async () => {
  const bundled = await build({
    stdin: {
      contents: `import { answer } from './bare-worker.ts'\nexport default { fetch: answer }`,
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    conditions: ['workerd', 'worker'],
    // "sideEffects": false in package.json would drop the tests' polyfill.
    ignoreAnnotations: true,
  })
  // wrangler brings the one miniflare that fits the pinned workerd.
  const { Miniflare } = createRequire(createRequire(import.meta.url).resolve('wrangler'))('miniflare') as {
    Miniflare: new (options: object) => MiniflareLike
  }
  const worker = new Miniflare({
    modules: true,
    script: bundled.outputFiles[0]!.text,
    compatibilityDate: '2026-04-01',
    cf: false,
  })
  try {
    const response = await worker.dispatchFetch('http://worker.test/')
    const text = await response.text()
    expect(response.status, text).toBe(200)
    expect(JSON.parse(text)).toEqual({
      version: 'TLSv1.3',
      suite: 'TLS_AES_128_GCM_SHA256',
      alpn: 'echo',
      clientCertificate: true,
      nodeGlobals: [],
    })
  } finally {
    await worker.dispose()
  }
})
