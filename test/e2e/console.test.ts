// The console as a person uses it: a real Chromium, the real Worker with its assets, HAProxy or nginx, the gateway, and
// PostgreSQL or Redis behind it.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { buildConsole, initialBudget, weigh } from '../../scripts/console.js'
import { createGateway } from '../../src/gateway/index.js'
import { projectRoot } from '../structure/source.js'
import { describePeer } from '../support/peers.js'
import { startHaproxy } from '../support/servers/index.js'
import { innerName } from '../support/stage.js'
import { token } from '../worker/support.js'
import { createWorld, fragment, openssl, type Visit, visit, type World } from './console-world.js'

const patience = { timeout: 60_000 }

describePeer(['chromium', 'haproxy', 'nginx', 'postgresql', 'redis', 'openssl'], 'the console', () => {
  let world: World
  let current: Visit | undefined

  beforeAll(async () => {
    world = await createWorld()
  }, 120_000)
  afterAll(() => world?.[Symbol.asyncDispose](), 60_000)
  beforeEach(() => async () => {
    await current?.close()
    current = undefined
  })

  const usual = () => ({
    way: 'worker',
    target: 'postgres',
    token,
    serverName: innerName,
    alpn: 'teleport-postgres-ping',
    trust: world.stage.host.certificate,
    identity: world.alice,
    user: 'postgres',
    database: 'postgres',
  })

  async function open(given: object = {}, options: Parameters<typeof visit>[1] = {}): Promise<Page> {
    current = await visit(world, options, fragment({ ...usual(), ...given }))
    return current.page
  }

  async function connected(given: object = {}, options: Parameters<typeof visit>[1] = {}): Promise<Page> {
    const page = await open(given, options)
    await page.getByRole('button', { name: 'Connect', exact: true }).click()
    await page.getByText('Ready.').waitFor(patience)
    return page
  }

  async function query(page: Page, sql: string): Promise<void> {
    await page.getByRole('textbox', { name: 'SQL' }).fill(sql)
    await page.getByRole('button', { name: 'Run' }).click()
  }

  function clean(): void {
    expect(current!.offences).toEqual([])
  }

  async function nothingLeft(): Promise<void> {
    await expect.poll(() => current!.sockets.every((socket) => socket.isClosed()), patience).toBe(true)
    await current!.page.getByRole('button', { name: 'Connect', exact: true }).waitFor(patience)
  }

  describe('a session', () => {
    it.each(['postgres', 'nginx'])(
      'through the target %s: query, CSV, error, history',
      patience,
      async (target) => {
        const page = await connected({ target })
        await query(page, `select 'a,"b"' as x, null as y, 42::int8 as n; select generate_series(1, 3) as g`)
        const first = page.getByRole('table', { name: 'Result 1' })
        await first.getByRole('columnheader', { name: 'x', exact: true }).waitFor(patience)
        expect(await first.getByRole('row').last().getByRole('cell').allTextContents()).toEqual([
          '1',
          'a,"b"',
          'NULL',
          '42',
        ])
        expect(await page.getByRole('table', { name: 'Result 2' }).getAttribute('aria-rowcount')).toBe('4')
        await page.getByRole('button', { name: 'Copy CSV' }).first().click()
        await page.getByText('1 rows copied as CSV').waitFor(patience)
        expect(await clipboard(page)).toBe('x,y,n\r\n"a,""b""",,42\r\n')

        await query(page, 'select 1,\n  nope')
        const problem = page.getByRole('alert').filter({ hasText: '42703' })
        await problem.waitFor(patience)
        expect(await problem.innerText()).toContain('Line 2, column 3')
        expect(
          await page
            .getByRole('textbox', { name: 'SQL' })
            .evaluate((each) => (each as HTMLTextAreaElement).selectionStart),
        ).toBe(12)
        await page.keyboard.press('Alt+ArrowUp')
        await page.keyboard.press('Alt+ArrowUp')
        expect(await page.getByRole('textbox', { name: 'SQL' }).inputValue()).toContain('generate_series')
        await page.getByRole('button', { name: 'Disconnect' }).click()
        await nothingLeft()
        clean()
      },
    )

    it('holds many rows in few elements, and says so at the cap', patience, async () => {
      const page = await connected()
      await query(page, 'select n from generate_series(1, 100007) as n')
      await page.getByText('100007 rows came; table and CSV hold the first 100000').waitFor(patience)
      const table = page.getByRole('table', { name: 'Result' })
      expect(await table.getAttribute('aria-rowcount')).toBe('100001')
      expect(await table.locator('tr').count()).toBeLessThan(80)
      await page
        .getByRole('region', { name: 'Result, scrolls' })
        .evaluate((each) => each.scrollTo(0, each.scrollHeight))
      await table.getByRole('cell', { name: '100000', exact: true }).first().waitFor(patience)
      clean()
    })

    it('cancels a query through a tunnel of its own', patience, async () => {
      const page = await connected()
      await query(page, 'select pg_sleep(600)')
      await page.getByRole('button', { name: 'Cancel' }).click()
      await page.getByRole('alert').filter({ hasText: '57014' }).waitFor(patience)
      await query(page, 'select 5 as still_here')
      await page.getByRole('columnheader', { name: 'still_here' }).waitFor(patience)
      expect(current!.sockets).toHaveLength(2)
      clean()
    })

    it('shows the handshake, its bytes and the certificates', patience, async () => {
      current = await visit(
        { ...world, url: world.secure },
        { ignoreHTTPSErrors: true, viewport: { width: 1440, height: 1060 } },
        fragment(usual()),
      )
      const { page } = current
      await page.getByRole('button', { name: 'Connect', exact: true }).click()
      await page.getByText('Ready.').waitFor(patience)
      await page.getByRole('button', { name: 'Run' }).click()
      await page.getByRole('table').first().waitFor(patience)
      await shoot(page, 'console.png')
      await page.getByRole('tab', { name: 'Handshake' }).click()
      for (const name of ['sent: ClientHello', 'received: CertificateRequest', 'sent: CertificateVerify'])
        await page.getByRole('button', { name: new RegExp(name) }).waitFor(patience)
      const hello = page.getByRole('button', { name: /ClientHello/ })
      await hello.focus()
      await page.getByRole('heading', { name: /ClientHello \d+ bytes/ }).waitFor(patience)
      const field = page.getByRole('button', { name: /host name gateway\.test/ })
      await field.focus()
      const lit = await page.locator('.byte.lit').allTextContents()
      expect(Buffer.from(lit.join(''), 'hex').toString('latin1')).toContain(innerName)
      await shoot(page, 'ladder.png')
      await page.getByRole('tab', { name: 'Certificates' }).click()
      await page.getByRole('heading', { name: innerName }).waitFor(patience)
      await page.getByText('Anchor: you trust it').waitFor(patience)
      await page.getByText('You proved who you are').waitFor(patience)
      clean()
    })

    it('copies the key log only behind a warning', patience, async () => {
      const page = await connected()
      await page.getByRole('tab', { name: 'Handshake' }).click()
      await page.getByRole('button', { name: 'Key log …' }).click()
      const dialog = page.getByRole('dialog', { name: 'Copy the TLS secrets of this connection?' })
      await dialog.getByRole('button', { name: 'Copy the secrets' }).click()
      await page.getByText(/secrets copied/).waitFor(patience)
      expect(await clipboard(page)).toMatch(/^CLIENT_HANDSHAKE_TRAFFIC_SECRET [0-9a-f]{64} [0-9a-f]{64,96}$/m)
      clean()
    })

    it('talks lines to Redis, as text and in hexadecimal', patience, async () => {
      const page = await open({ alpn: 'teleport-redis-ping' })
      await page.getByRole('button', { name: 'Connect', exact: true }).click()
      await page.getByText('Type a line; Enter sends it.').waitFor(patience)
      await page.keyboard.type('PIMG')
      for (let presses = 0; presses < 2; presses++) await page.keyboard.press('Backspace')
      await page.keyboard.type('NG hello')
      // Keys without a character have no place in a line.
      for (const key of ['ArrowLeft', 'Home', 'Delete', 'Alt+b']) await page.keyboard.press(key)
      await page.keyboard.press('Enter')
      await page.locator('.xterm-rows').filter({ hasText: 'hello' }).waitFor(patience)
      await expect.poll(() => page.locator('.xterm-rows').innerText(), patience).toMatch(/\$5\s+hello/)
      await page.getByRole('checkbox', { name: 'Hexadecimal' }).check()
      await page.locator('.xterm-helper-textarea').focus()
      await page.keyboard.type('PING')
      await page.keyboard.press('Enter')
      await expect
        .poll(() => page.locator('.xterm-rows').innerText(), patience)
        .toMatch(/2b\s50\s4f\s4e\s47\s0d\s0a/)
      await page.getByRole('button', { name: 'Disconnect' }).click()
      await nothingLeft()
      clean()
    })
  })

  describe('identities', () => {
    it('from PKCS#12, kept without a way out, and used again after a reload', patience, async () => {
      const page = await open({ identity: '' })
      const bundle = await openssl(['pkcs12', '-export', '-in', 'both', '-passout', 'pass:secret'], {
        both: world.alice,
      })
      await page
        .locator('.identity input[type=file]')
        .first()
        .setInputFiles({ name: 'alice.p12', mimeType: 'application/x-pkcs12', buffer: bundle })
      await page.getByLabel('Passphrase').fill('secret')
      await page.getByText('Keep it in this browser').click()
      await page.locator('.drop').getByLabel('Name', { exact: true }).fill('alice')
      await page.getByRole('button', { name: 'Keep', exact: true }).click()
      await page.getByText('Kept here; its key cannot be taken out again').waitFor(patience)
      await page.goto('about:blank')
      await page.goto(world.url + fragment({ ...usual(), identity: '' }))
      await page.locator('label', { hasText: 'Kept here' }).click()
      await page.getByRole('option', { name: /^alice, until/ }).waitFor({ state: 'attached', ...patience })
      await page.getByRole('button', { name: 'Connect', exact: true }).click()
      await page.getByText('Ready.').waitFor(patience)
      clean()
    })

    it('made here: a request out, a certificate in', patience, async () => {
      const page = await open({ identity: '' })
      await page.locator('label', { hasText: 'Kept here' }).click()
      await page.getByText('Make a key that never leaves this browser').click()
      await page.locator('.enrolment').getByLabel('Name', { exact: true }).fill('alice')
      await page.getByRole('button', { name: 'Make a key' }).click()
      await page.getByText('It waits for its certificate.').waitFor(patience)
      await page.getByRole('button', { name: 'Copy request' }).click()
      await page.getByText('Request copied').waitFor(patience)
      const { certificate, privateKey } = world.stage.users
      const signed = await openssl(
        ['x509', '-req', '-in', 'csr', '-CA', 'ca', '-CAkey', 'key', '-days', '2', '-extfile', 'usage'],
        {
          csr: await clipboard(page),
          ca: certificate,
          key: privateKey,
          usage: 'keyUsage=digitalSignature\nextendedKeyUsage=clientAuth\n',
        },
      )
      const other = world.alice.slice(0, world.alice.indexOf('-----BEGIN PRIVATE'))
      const upload = page.locator('.waiting input[type=file]')
      await upload.setInputFiles({
        name: 'other.pem',
        mimeType: 'application/x-pem-file',
        buffer: Buffer.from(other),
      })
      await page.getByText(/ERR_CONFIG_KEY_MISMATCH/).waitFor(patience)
      await upload.setInputFiles({ name: 'alice.pem', mimeType: 'application/x-pem-file', buffer: signed })
      await page.getByRole('option', { name: /^alice, until/ }).waitFor({ state: 'attached', ...patience })
      await page.getByRole('button', { name: 'Connect', exact: true }).click()
      await page.getByText('Ready.').waitFor(patience)
      clean()
    })
  })

  describe('a name that is taken', () => {
    const taken = 'One is kept under this name: choose another, or forget that one first'

    async function keepFile(page: Page, name: string): Promise<void> {
      await page.locator('.identity').getByText('File', { exact: true }).click()
      const field = page.locator('.drop').getByLabel('Name', { exact: true })
      if (!(await field.isVisible())) await page.getByText('Keep it in this browser').click()
      await field.fill(name)
      await page.getByRole('button', { name: 'Keep', exact: true }).click()
    }

    async function makeKey(page: Page, name: string): Promise<void> {
      await page.locator('label', { hasText: 'Kept here' }).click()
      const field = page.locator('.enrolment').getByLabel('Name', { exact: true })
      if (!(await field.isVisible()))
        await page.getByText('Make a key that never leaves this browser').click()
      await field.fill(name)
      await page.getByRole('button', { name: 'Make a key' }).click()
    }

    // There is no copy of a key that cannot be taken out.
    it('keeps its identity: nothing that is made or given takes its place', patience, async () => {
      const page = await open()
      await keepFile(page, 'alice')
      await page.getByText('Kept here; its key cannot be taken out again').waitFor(patience)
      await makeKey(page, 'bob')
      await page.getByText('It waits for its certificate.').waitFor(patience)

      await makeKey(page, 'alice')
      await page.locator('.enrolment').getByText(taken).waitFor(patience)
      await keepFile(page, 'bob')
      await page.locator('.given').getByText(taken).waitFor(patience)
      await page.locator('label', { hasText: 'Kept here' }).click()
      expect(
        await page.getByLabel('Identity kept in this browser').getByRole('option').allTextContents(),
      ).toEqual([expect.stringMatching(/^alice, until/), 'bob (waiting for its certificate)'])
      clean()
    })
  })

  describe('without a mouse', () => {
    it('connects and queries by keyboard alone', patience, async () => {
      const page = await open()
      await page.keyboard.press('Tab')
      expect(await focused(page)).toBe('Skip to the workspace')
      for (let press = 0; press < 6 && (await focused(page)) !== 'Connect'; press++)
        await page.keyboard.press('Tab')
      await page.keyboard.press('Enter')
      await page.getByText('Ready.').waitFor(patience)
      // The editor has the focus as soon as there is something to ask.
      await page.keyboard.press('ControlOrMeta+a')
      await page.keyboard.type('select 6 * 7 as answer')
      await page.keyboard.press('Control+Enter')
      await page.getByRole('cell', { name: '42' }).waitFor(patience)
      await page.getByRole('tab', { name: 'SQL' }).focus()
      await page.keyboard.press('ArrowLeft')
      expect(await page.getByRole('tab', { name: 'Certificates' }).getAttribute('aria-selected')).toBe('true')
      await page.keyboard.press('Home')
      await page.keyboard.press('Tab')
      await page.getByRole('heading', { name: /ClientHello/ }).waitFor(patience)
      clean()
    })

    it('tells assistive technology what is what', patience, async () => {
      const page = await open()
      const tree = await page.locator('body').ariaSnapshot()
      for (const part of [
        'banner',
        'main',
        'heading "Underpass" [level=1]',
        'heading "Connect" [level=2]',
        'status: Not connected',
        'tablist "Workspace"',
        'tab "Handshake" [selected]',
        'radio "Via the Worker" [checked]',
        'group "Trust"',
        'textbox "Server name"',
        'combobox "Protocol"',
        'button "Connect"',
      ])
        expect(tree).toContain(part)
      expect(
        await page.getByRole('img', { name: /Outer TLS ends at every station before the gateway/ }).count(),
      ).toBe(1)
      const nameless = await page
        .locator('button, input:not([type=file]), select, textarea')
        .evaluateAll((all) =>
          all
            .filter(
              (each) =>
                !each.hasAttribute('aria-label') &&
                (each as HTMLInputElement).labels?.length === 0 &&
                each.textContent === '',
            )
            .map((each) => each.outerHTML),
        )
      expect(nameless).toEqual([])
    })

    it.each(['light', 'dark'] as const)(
      'can be read in the %s theme: text stands out 4.5 to 1',
      patience,
      async (colorScheme) => {
        const page = await connected({}, { colorScheme })
        const weak: string[] = []
        for (const tab of ['SQL', 'Handshake', 'Certificates']) {
          await page.getByRole('tab', { name: tab }).click()
          weak.push(...(await page.evaluate(weakText)))
        }
        expect(weak).toEqual([])
      },
    )
  })

  describe('what goes wrong is named, and nothing is left', () => {
    const cases: ReadonlyArray<readonly [name: string, given: () => object | Promise<object>, code: string]> =
      [
        ['an unknown target', () => ({ target: 'nowhere' }), 'ERR_TARGET_UNKNOWN'],
        ['a target without this door', () => ({ target: 'closed' }), 'ERR_TARGET_DOOR'],
        ['no token', () => ({ token: '' }), 'ERR_TOKEN_MISSING'],
        ['an expired token', async () => ({ token: await world.token(-60) }), 'ERR_TOKEN_EXPIRED'],
        ['a forged token', async () => ({ token: await world.token(60, true) }), 'ERR_TOKEN_INVALID'],
        ['a target that is down', () => ({ target: 'gone' }), 'ERR_DIAL_FAILED'],
        ['a WebSocket that the other side drops', () => ({ target: 'rude' }), 'ERR_WS_SERVER_ERROR'],
        ['a certificate for another host', () => ({ serverName: 'other.test' }), 'ERR_CERT_NAME_MISMATCH'],
        [
          'a certificate of somebody else',
          () => ({ trust: world.stage.web.certificate }),
          'ERR_CERT_UNTRUSTED',
        ],
        ['trust that is none', () => ({ trust: 'hello' }), 'ERR_CONFIG_TRUST'],
        [
          'a key that does not fit',
          async () => ({ identity: await mismatched() }),
          'ERR_CONFIG_KEY_MISMATCH',
        ],
        ['no identity', () => ({ identity: '' }), 'ERR_TLS_ALERT_CERTIFICATE_REQUIRED'],
        ['a database that refuses the user', () => ({ user: 'nobody-here' }), 'SQLSTATE 28000'],
      ]

    it.each(cases)('%s', patience, async (_name, given, code) => {
      const page = await open(await given())
      await page.getByRole('button', { name: 'Connect', exact: true }).click()
      const problem = page.getByRole('region', { name: 'What went wrong' })
      await problem.waitFor(patience)
      const [shown, what, hint, blame] = await problem.locator('p').allTextContents()
      expect(shown).toBe(code)
      for (const words of [what, hint]) expect(words!.length).toBeGreaterThan(10)
      expect(blame).toMatch(/^To be mended by: \w/)
      await nothingLeft()
      const text = await page.locator('body').innerText()
      expect(text).not.toMatch(/PRIVATE KEY|a-token-for-tests/)
      // What the server refused, Chromium writes on the console by itself.
      expect(
        current!.offences.filter((each) => !/Failed to load resource|WebSocket connection/.test(each)),
      ).toEqual([])
    })

    it('the choice of what is kept, of nothing', patience, async () => {
      const page = await open()
      await page.locator('label', { hasText: 'Kept here' }).click()
      await page.getByRole('button', { name: 'Connect', exact: true }).click()
      const problem = page.getByRole('region', { name: 'What went wrong' })
      await problem.waitFor(patience)
      expect(await problem.locator('p').first().textContent()).toBe('ERR_CONFIG_INVALID')
      await nothingLeft()
      // The form takes another choice.
      await page.locator('.identity').getByText('File', { exact: true }).click()
      await page.getByRole('button', { name: 'Connect', exact: true }).click()
      await page.getByText('Ready.').waitFor(patience)
      clean()
    })

    it('a database that ends the session', patience, async () => {
      const page = await connected()
      await query(page, 'select pg_terminate_backend(pg_backend_pid())')
      const problem = page.getByRole('region', { name: 'What went wrong' })
      await problem.waitFor(patience)
      expect(await problem.locator('.code').textContent()).toMatch(/^(SQLSTATE 57P01|ERR_CONSOLE_ENDED)$/)
      await nothingLeft()
      clean()
    })

    it('1006 in the middle of the handshake, straight to a load balancer', patience, async () => {
      const page = await open({ way: 'straight', origin: world.balancers.rude }, { ignoreHTTPSErrors: true })
      await page.getByRole('button', { name: 'Connect', exact: true }).click()
      await page.getByText('ERR_WS_ABNORMAL', { exact: true }).first().waitFor(patience)
      await nothingLeft()
    })

    it('an origin that is not allowed', patience, async () => {
      current = await visit(
        { ...world, url: world.url.replace('127.0.0.1', 'localhost') },
        {},
        fragment(usual()),
      )
      await current.page.getByRole('button', { name: 'Connect', exact: true }).click()
      await current.page.getByText('ERR_ORIGIN_NOT_ALLOWED', { exact: true }).first().waitFor(patience)
      await nothingLeft()
    })

    async function mismatched(): Promise<string> {
      const other = await world.stage.users.issue({ commonName: 'alice', usage: 'client' })
      return world.alice.replace(/-----BEGIN PRIVATE[\s\S]*$/, other.privateKey)
    }
  })

  describe('other places', () => {
    it('on an insecure origin: a warning, and cryptography of its own', patience, async () => {
      current = await visit({ ...world, url: world.insecure }, {}, fragment(usual()))
      const { page } = current
      // A link fills nothing in but on loopback, and is out of the address all the same.
      expect(await page.getByRole('textbox', { name: 'Target' }).inputValue()).toBe('')
      expect(page.url()).not.toContain('#')
      await page.getByRole('textbox', { name: 'Target' }).fill('postgres')
      await page.getByLabel('Token').fill(token)
      await page.getByRole('textbox', { name: 'Server name' }).fill(innerName)
      await page.getByLabel('Certificates of who signs the gateway, PEM').fill(world.stage.host.certificate)
      await page.getByText('Paste PEM').click()
      await page.getByLabel('Certificate and private key, PEM').fill(world.alice)
      expect(await page.evaluate(() => globalThis.crypto.subtle === undefined)).toBe(true)
      await page.getByRole('note').filter({ hasText: 'insecure connection' }).waitFor(patience)
      await page.getByRole('button', { name: 'Connect', exact: true }).click()
      await page.getByText('Ready.').waitFor(patience)
      await query(page, 'select 1 as one')
      await page.getByRole('columnheader', { name: 'one' }).waitFor(patience)
    })

    it(
      'served by the gateway, through HAProxy: page and tunnel from one origin, no Worker',
      patience,
      async () => {
        const { stage } = world
        const server = await stage.host.issue({ names: [innerName] })
        await using gateway = await createGateway({
          listen: { upgrade: { port: 0, console: join(projectRoot, 'worker', 'console', 'dist') } },
          identity: { certificate: server.chain, privateKey: server.privateKey },
          routes: [
            {
              name: 'postgres',
              alpn: 'teleport-postgres',
              ping: true,
              connect: { port: world.postgresPort },
              client: { trust: stage.users.certificate, allow: [{ commonName: 'alice' }] },
            },
          ],
        })
        const front = await startHaproxy({
          upstreamPort: gateway.addresses.upgrade!.port,
          certificate: stage.lbCertificate,
        })
        try {
          const url = `https://localhost:${front.port}`
          const { way: _, ...rest } = usual()
          current = await visit({ ...world, url }, { ignoreHTTPSErrors: true }, fragment(rest))
          const { page } = current
          expect(await page.getByRole('textbox', { name: 'Origin' }).inputValue()).toBe(url)
          await page.getByRole('button', { name: 'Connect', exact: true }).click()
          await page.getByText('Ready.').waitFor(patience)
          clean()
        } finally {
          await current?.close()
          await front.stop()
        }
      },
    )
  })
})

describe('the page', () => {
  it('weighs little before anybody has pressed anything', async () => {
    const files = await buildConsole()
    const initial = weigh(files.filter((file) => file.initial))
    const lazy = files.filter((file) => !file.initial && /\.(js|css)$/.test(file.path))
    process.stdout.write(`console: ${initial} bytes gz at once, ${weigh(lazy)} more when they are needed\n`)
    expect(initial).toBeLessThan(initialBudget)
    // Clients, terminals and cryptography of one's own come when they are asked for.
    const early = files
      .filter((file) => file.initial)
      .map(({ contents }) => Buffer.from(contents).toString('latin1'))
    for (const late of ['xterm-helper-textarea', 'readyForQuery', 'pbkdf2'])
      expect(early.some((text) => text.includes(late))).toBe(false)
  })

  it('has no inline script or style, and evaluates no text', async () => {
    const files = await buildConsole()
    const html = Buffer.from(files.find(({ path }) => path === 'index.html')!.contents).toString()
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/)
    for (const { path, contents } of files.filter(({ path }) => path.endsWith('.js')))
      expect([path, /(?<![\w$.])eval\s*\(|\bnew Function\b/.test(Buffer.from(contents).toString())]).toEqual([
        path,
        false,
      ])
    const headers = Buffer.from(files.find(({ path }) => path === '_headers')!.contents).toString()
    expect(headers).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
    expect(headers).not.toContain('unsafe')
  })
})

function clipboard(page: Page): Promise<string> {
  return page.evaluate(() => navigator.clipboard.readText())
}

function focused(page: Page): Promise<string> {
  return page.evaluate(() => document.activeElement?.textContent ?? '')
}

/** Screenshots of the documentation are made on request: runs of the suite leave the tree as it is. */
async function shoot(page: Page, name: string): Promise<void> {
  if (process.env.UPDATE_SCREENSHOTS !== '1') return
  await page.locator('.meters.live .meter-value', { hasText: 'ms' }).waitFor()
  await mkdir(join(projectRoot, 'docs'), { recursive: true })
  await page.screenshot({ path: join(projectRoot, 'docs', name), animations: 'disabled' })
}

/** Runs in the page: texts in sight whose contrast with what is behind them is below WCAG's 4.5 (SC 1.4.3). */
function weakText(): string[] {
  const parse = (color: string) => (color.match(/[\d.]+/g) ?? []).map(Number)
  const luminance = ([r = 0, g = 0, b = 0]: number[]) =>
    [r, g, b].reduce((sum, value, at) => {
      const share = value / 255
      return (
        sum +
        [0.2126, 0.7152, 0.0722][at]! * (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4)
      )
    }, 0)
  const behind = (element: Element | null): number[] => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor)
      if (color.length === 3 || (color[3] ?? 0) > 0.99) return color
    }
    return [255, 255, 255]
  }
  const weak: string[] = []
  for (const element of document.querySelectorAll('body *:not(svg *):not(.unseen)')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent!.trim() !== '')
    if (
      !own ||
      !(element as HTMLElement).checkVisibility({ visibilityProperty: true }) ||
      element.closest('.skip, .unseen, :disabled, option, .xterm') !== null
    )
      continue
    const [one, two] = [luminance(parse(getComputedStyle(element).color)), luminance(behind(element))]
    const contrast = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05)
    if (contrast < 4.5)
      weak.push(`${contrast.toFixed(2)} ${element.className} ${element.textContent!.slice(0, 40)}`)
  }
  return weak
}
