// The login of tsh in both layouts: which certificate, which key, whom to trust, and what is missing by name.
import { copyFile, mkdir, rm, symlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { tshLogin } from '../../../src/login/index.js'
import { trustStore } from '../../../src/pki/index.js'
import { createAuthority } from '../../support/certificates.js'
import { cluster, folder, issue, keys, put, removeFolders, tshHome } from './tree.js'

afterEach(removeFolders)

describe('the layout since Teleport 17', () => {
  it('gives the user, the proxy, the cluster and its authority', async () => {
    const home = await tshHome()
    const alice = await issue()
    await put(keys(home, 'alice.crt'), alice.certificate)
    await put(keys(home, 'alice.key'), alice.privateKey)
    const login = await tshLogin({ home })
    expect(login).toMatchObject({ origin: 'https://proxy.test:8443', cluster: 'root', user: 'alice' })
    expect(login).not.toHaveProperty('upgradeRequired')
    expect(login.route).toEqual({ user: 'alice', issuedBy: 'root', cluster: 'root' })
    const identity = await login.identity.current()
    expect(identity.leaf.der).toEqual(alice.der)
    expect(login.expires).toBe(identity.leaf.notAfter)
    expect(login.identity.expires).toBe(login.expires)
    expect(login.identity.warnings()).toEqual([])
    expect(login.trust).toBe((await cluster()).host.certificate)
    expect(trustStore(login.trust!).size).toBe(1)
  })

  it('takes the certificate of a database, with its own key', async () => {
    const home = await tshHome()
    const alice = await issue()
    await put(keys(home, 'alice.crt'), alice.certificate)
    await put(keys(home, 'alice.key'), alice.privateKey)
    const orders = await issue({ database: 'orders', databaseUser: 'app' })
    await put(keys(home, 'alice-db', 'root', 'orders.crt'), orders.certificate)
    await put(keys(home, 'alice-db', 'root', 'orders.key'), orders.privateKey)
    const login = await tshLogin({ home, database: 'orders' })
    expect(login.route?.database).toEqual({ service: 'orders', protocol: 'postgres', user: 'app' })
    expect((await login.identity.current()).leaf.der).toEqual(orders.der)
  })

  it('takes the certificate of an application', async () => {
    const home = await tshHome()
    const grafana = await issue({ app: 'grafana' })
    await put(keys(home, 'alice-app', 'root', 'grafana.crt'), grafana.certificate)
    await put(keys(home, 'alice-app', 'root', 'grafana.key'), grafana.privateKey)
    const login = await tshLogin({ home, app: 'grafana' })
    expect(login.route?.app).toEqual({ name: 'grafana', address: 'grafana.proxy.test', cluster: 'root' })
  })

  it('takes key and certificate of a Kubernetes cluster from one file', async () => {
    const home = await tshHome()
    const prod = await issue({ kube: 'prod' })
    const path = keys(home, 'alice-kube', 'root', 'prod.cred')
    await put(path, `${prod.privateKey.trim()}\n\n${prod.certificate.trim()}\n`)
    const login = await tshLogin({ home, kube: 'prod' })
    expect(login.route?.kube).toBe('prod')
    expect((await login.identity.current()).leaf.der).toEqual(prod.der)
  })

  it('tells a certificate without its key', async () => {
    const home = await tshHome()
    await put(keys(home, 'alice.crt'), (await issue()).certificate)
    await expect(tshLogin({ home })).rejects.toMatchObject({
      code: 'ERR_CONFIG_LOGIN',
      hint: expect.stringContaining('agent'),
    })
  })
})

describe('the layout up to Teleport 16', () => {
  it('uses one key for every certificate', async () => {
    const home = await tshHome()
    const alice = await issue()
    const key = alice.key
    await put(keys(home, 'alice'), alice.privateKey)
    await put(keys(home, 'alice-x509.pem'), alice.certificate)
    const [orders, grafana, prod] = await Promise.all([
      issue({ database: 'orders' }, { key }),
      issue({ app: 'grafana' }, { key }),
      issue({ kube: 'prod' }, { key }),
    ])
    await put(keys(home, 'alice-db', 'root', 'orders-x509.pem'), orders.certificate)
    await put(keys(home, 'alice-app', 'root', 'grafana-x509.pem'), grafana.certificate)
    await put(keys(home, 'alice-kube', 'root', 'prod-x509.pem'), prod.certificate)
    const logins = await Promise.all([
      tshLogin({ home }),
      tshLogin({ home, database: 'orders' }),
      tshLogin({ home, app: 'grafana' }),
      tshLogin({ home, kube: 'prod' }),
    ])
    const leaves = await Promise.all(logins.map(async ({ identity }) => (await identity.current()).leaf.der))
    expect(leaves).toEqual([alice.der, orders.der, grafana.der, prod.der])
  })

  it('knows authorities in certs.pem', async () => {
    const home = await tshHome()
    const alice = await issue()
    await put(keys(home, 'alice'), alice.privateKey)
    await put(keys(home, 'alice-x509.pem'), alice.certificate)
    await rm(keys(home, 'cas'), { recursive: true })
    expect(await tshLogin({ home })).not.toHaveProperty('trust')
    await put(keys(home, 'certs.pem'), (await cluster()).host.certificate)
    expect((await tshLogin({ home })).trust).toContain('BEGIN CERTIFICATE')
  })

  it('loses against the newer one, unless it was written later', async () => {
    const home = await tshHome()
    const [old, young] = await Promise.all([issue(), issue()])
    await put(keys(home, 'alice'), old.privateKey)
    const legacy = await put(keys(home, 'alice-x509.pem'), old.certificate)
    const modern = await put(keys(home, 'alice.crt'), young.certificate)
    await put(keys(home, 'alice.key'), young.privateKey)
    await utimes(legacy, 1_000_000, 1_000_000)
    await utimes(modern, 1_000_000, 1_000_000)
    const login = await tshLogin({ home })
    expect((await login.identity.current()).leaf.der).toEqual(young.der)
    await utimes(legacy, 2_000_000, 2_000_000)
    expect((await login.identity.current()).leaf.der).toEqual(old.der)
  })
})

describe('whom to trust', () => {
  it('is the cluster that issued the certificate, not the leaf that was chosen', async () => {
    const home = await tshHome({ cluster: 'leaf' })
    const alice = await issue()
    await put(keys(home, 'alice.crt'), alice.certificate)
    await put(keys(home, 'alice.key'), alice.privateKey)
    await put(keys(home, 'cas', 'leaf.pem'), (await createAuthority({ name: 'Leaf' })).certificate)
    const login = await tshLogin({ home })
    expect(login.cluster).toBe('leaf')
    expect(login.trust).toBe((await cluster()).host.certificate)
  })

  it('is every authority there where none is known to be the right one', async () => {
    const home = await tshHome({ cluster: 'other' })
    const alice = await issue({ issuedBy: 'another' })
    await put(keys(home, 'alice.crt'), alice.certificate)
    await put(keys(home, 'alice.key'), alice.privateKey)
    await put(keys(home, 'cas', 'second.pem'), (await createAuthority({ name: 'Second' })).certificate)
    expect(trustStore((await tshLogin({ home })).trust!).size).toBe(2)
  })

  it('is an error by the name of the file where that is none', async () => {
    const home = await tshHome()
    const alice = await issue()
    await put(keys(home, 'alice.crt'), alice.certificate)
    await put(keys(home, 'alice.key'), alice.privateKey)
    const path = await put(keys(home, 'cas', 'root.pem'), 'nothing')
    await expect(tshLogin({ home })).rejects.toMatchObject({ code: 'ERR_CONFIG_TRUST', detail: path })
  })
})

describe('the profile', () => {
  async function home(): Promise<string> {
    const made = await tshHome({ more: 'tls_routing_conn_upgrade_required: true\n' })
    const alice = await issue()
    await put(keys(made, 'alice.crt'), alice.certificate)
    await put(keys(made, 'alice.key'), alice.privateKey)
    return made
  }

  it('is known by its host, with a port or as a URL too, and through symbolic links', async () => {
    const made = await home()
    for (const profile of ['proxy.test', 'proxy.test:8443', 'https://proxy.test:8443/'])
      expect((await tshLogin({ home: made, profile })).user).toBe('alice')
    const link = join(await folder(), 'link')
    await symlink(made, link)
    expect(await tshLogin({ home: link })).toMatchObject({ user: 'alice', upgradeRequired: true })
  })

  it('is looked for by name, and the others are told', async () => {
    const made = await home()
    await expect(tshLogin({ home: made, profile: 'else.test' })).rejects.toMatchObject({
      code: 'ERR_CONFIG_LOGIN',
      detail: expect.stringContaining('there are proxy.test'),
    })
    await rm(join(made, 'current-profile'))
    await expect(tshLogin({ home: made })).rejects.toMatchObject({ code: 'ERR_CONFIG_LOGIN' })
    await expect(tshLogin({ home: join(made, 'nowhere') })).rejects.toMatchObject({
      code: 'ERR_CONFIG_LOGIN',
    })
    await expect(tshLogin({ home: made, profile: 'proxy.test', user: 'bob' })).rejects.toMatchObject({
      code: 'ERR_CONFIG_LOGIN',
    })
  })

  it.each([
    ['not YAML', '{{{\n- :\n  ]'],
    ['a list', '- a\n- b\n'],
    [
      'a bomb of aliases',
      `a: &a [x]\n${Array.from({ length: 30 }, (_, i) => `b${i}: [*a, *a, *a]\n`).join('')}`,
    ],
    ['without a proxy', 'user: alice\n'],
    ['without a user', 'web_proxy_addr: proxy.test:443\n'],
    ['with a user that leads elsewhere', 'web_proxy_addr: proxy.test:443\nuser: ../../etc\n'],
    ['with a proxy that is none', 'web_proxy_addr: "proxy test"\nuser: alice\n'],
    ['with a cluster that leads elsewhere', 'web_proxy_addr: proxy.test:443\nuser: alice\ncluster: a/b\n'],
  ])('is refused when it is %s', async (_, text) => {
    const made = await home()
    await put(join(made, 'proxy.test.yaml'), text)
    await expect(tshLogin({ home: made })).rejects.toMatchObject({ code: 'ERR_CONFIG_LOGIN' })
  })

  it('takes every value as text', async () => {
    const made = await tshHome({ user: '0123' })
    const user = await issue()
    await put(keys(made, '0123.crt'), user.certificate)
    await put(keys(made, '0123.key'), user.privateKey)
    expect((await tshLogin({ home: made })).user).toBe('0123')
  })
})

describe('what is asked for', () => {
  it('must be one thing, and a name', async () => {
    const home = await tshHome()
    await expect(tshLogin({ home, database: 'a', app: 'b' })).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
    })
    await expect(tshLogin({ home, database: '../alice' })).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
    })
    await expect(tshLogin({ home, cluster: '..' })).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
  })

  it('is told with the login that brings it', async () => {
    const home = await tshHome()
    await expect(tshLogin({ home })).rejects.toMatchObject({
      code: 'ERR_CONFIG_LOGIN',
      hint: 'Log in: tsh login',
    })
    const hints = [
      [{ database: 'x' }, 'tsh db login x'],
      [{ app: 'x' }, 'tsh apps login x'],
      [{ kube: 'x' }, 'tsh kube login x'],
    ] as const
    for (const [wanted, hint] of hints)
      await expect(tshLogin({ home, ...wanted })).rejects.toMatchObject({
        code: 'ERR_CONFIG_LOGIN',
        hint: expect.stringContaining(hint),
      })
  })

  it('holds the certificate to its route, on every call', async () => {
    const home = await tshHome()
    const [orders, stock] = await Promise.all([issue({ database: 'orders' }), issue({ database: 'stock' })])
    const certificate = keys(home, 'alice-db', 'root', 'orders.crt')
    await put(certificate, orders.certificate)
    await put(keys(home, 'alice-db', 'root', 'orders.key'), orders.privateKey)
    const { identity } = await tshLogin({ home, database: 'orders' })
    await identity.current()
    await expect(identity.current({ databaseUser: 'anyone' })).resolves.toBeDefined()
    // Someone put the files of another database in its place.
    await put(certificate, stock.certificate)
    await put(keys(home, 'alice-db', 'root', 'orders.key'), stock.privateKey)
    await expect(identity.current()).rejects.toMatchObject({
      code: 'ERR_CONFIG_IDENTITY_ROUTE',
      detail: 'database "orders" is wanted, the certificate is for "stock"',
    })
  })

  it('survives a home that is half removed', async () => {
    const home = await tshHome()
    const alice = await issue()
    await put(keys(home, 'alice.crt'), alice.certificate)
    const key = await put(keys(home, 'alice.key'), alice.privateKey)
    const { identity } = await tshLogin({ home })
    const spare = join(await folder(), 'key')
    await copyFile(key, spare)
    await rm(key)
    await mkdir(key)
    expect((await identity.current()).leaf.der).toEqual(alice.der)
  })
})
