// Headers from a program: what is taken, what is refused, and that nothing runs on.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { headersFromCommand } from '../../../src/login/index.js'
import { folder, put, removeFolders } from './tree.js'

afterEach(removeFolders)

/** A program that runs JavaScript. */
const js = (code: string, ...args: string[]) => [process.execPath, '-e', code, ...args]
const request = { url: 'https://proxy.test/up', attempt: 2, protocol: 'websocket' } as const

describe('the headers', () => {
  it('are its lines', async () => {
    const headers = headersFromCommand(
      js(`console.log('Authorization: Bearer a:b\\r\\n\\n  \\nX-Empty:\\nx-a:  b ')`),
    )
    expect(await headers()).toEqual([
      ['Authorization', 'Bearer a:b'],
      ['X-Empty', ''],
      ['x-a', 'b'],
    ])
  })

  it('may depend on the request', async () => {
    const code = `const { UNDERPASS_URL: u, UNDERPASS_ATTEMPT: n, UNDERPASS_PROTOCOL: p } = process.env; console.log('x: ' + [u, n, p])`
    expect(await headersFromCommand(js(code))(request)).toEqual([['x', 'https://proxy.test/up,2,websocket']])
  })

  it('are made anew for every attempt', async () => {
    const headers = headersFromCommand(js(`console.log('x: ' + process.env.UNDERPASS_ATTEMPT)`))
    expect(await headers({ ...request, attempt: 1 })).toEqual([['x', '1']])
    expect(await headers({ ...request, attempt: 2 })).toEqual([['x', '2']])
  })

  it('may be none', async () => {
    expect(await headersFromCommand(js(''))()).toEqual([])
  })
})

describe('the command', () => {
  it('is split into words, and no shell sees it', async () => {
    const script = await put(
      join(await folder(), 'a script.mjs'),
      `console.log('x: ' + JSON.stringify(process.argv.slice(2)))`,
    )
    const words = `'${process.execPath}' "${script}" a\\ b "c d" '$HOME;\`x\`' "e\\"f" g\\h ''`
    expect(await headersFromCommand(words)()).toEqual([
      ['x', '["a b","c d","$HOME;`x`","e\\"f","g\\\\h",""]'],
    ])
  })

  it('goes to the shell when that is asked for', async () => {
    const headers = headersFromCommand('echo "x: $((1 + 1))"', { shell: true })
    expect(await headers()).toEqual([['x', '2']])
  })

  it.each([[''], ['  '], [[]], ['"unended'], [['']]])('%j is refused at once', (command) => {
    expect(() => headersFromCommand(command)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }))
    expect(() => headersFromCommand(['a'], { shell: true })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }),
    )
  })
})

describe('a program that', () => {
  const fails = (code: string) => expect(headersFromCommand(js(code), { stderr: 'ignore' })()).rejects

  it('does not exist, fails or is killed is ERR_CONFIG_COMMAND', async () => {
    await expect(headersFromCommand(['/nonexistent/program'])()).rejects.toMatchObject({
      code: 'ERR_CONFIG_COMMAND',
      detail: 'it cannot be run (ENOENT)',
    })
    await fails('process.exit(3)').toMatchObject({
      code: 'ERR_CONFIG_COMMAND',
      detail: 'it ended with status 3',
    })
    await fails(`process.kill(process.pid, 'SIGKILL')`).toMatchObject({ code: 'ERR_CONFIG_COMMAND' })
  })

  it('prints no headers is ERR_CONFIG_COMMAND, and its words are not repeated', async () => {
    for (const line of ['hunter2', 'a b: hunter2', ': hunter2', 'x: hunter2\\u0007', 'x: hunter2\\u0000']) {
      const failed = headersFromCommand(js(`console.log('${line}')`))()
      await expect(failed).rejects.toMatchObject({ code: 'ERR_CONFIG_COMMAND' })
      await expect(failed).rejects.not.toThrow(/hunter2/)
    }
  })

  it('prints too much is stopped', async () => {
    await fails(`setInterval(() => console.log('x: ' + 'y'.repeat(10000)), 1)`).toMatchObject({
      code: 'ERR_CONFIG_COMMAND',
      detail: expect.stringContaining('65536'),
    })
    await fails(`console.log('x: y\\n'.repeat(65))`).toMatchObject({ code: 'ERR_CONFIG_COMMAND' })
  })

  it('takes too long is ERR_TIMEOUT', async () => {
    const slow = headersFromCommand(js('setInterval(() => {}, 1000)'), { timeout: 50 })()
    await expect(slow).rejects.toMatchObject({ code: 'ERR_TIMEOUT', phase: 'upgrade' })
  })

  it('is aborted ends, with what it started', async () => {
    const pid = join(await folder(), 'pid')
    const child = 'setInterval(() => {}, 1000)'
    const parent = `const c = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio: 'inherit' });
      require('fs').writeFileSync(${JSON.stringify(pid)}, c.pid + ' '); setInterval(() => {}, 1000)`
    const controller = new AbortController()
    const headers = headersFromCommand(js(parent), { signal: controller.signal, timeout: 60_000 })
    const running = headers()
    running.catch(() => {})
    const written = () => readFile(pid, 'utf8').catch(() => '')
    await expect.poll(written, { timeout: 30_000 }).toMatch(/^\d+ $/)
    controller.abort()
    await expect(running).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    await expect(headers()).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    const started = Number(await written())
    await expect.poll(() => isAlive(started), { timeout: 30_000 }).toBe(false)
  }, 60_000)
})

/** Whether the process runs: one that ended and waits for its parent does not. */
async function isAlive(pid: number): Promise<boolean> {
  try {
    const status = await readFile(`/proc/${pid}/stat`, 'latin1')
    return !/\) [ZX] /.test(status)
  } catch {
    return false
  }
}
