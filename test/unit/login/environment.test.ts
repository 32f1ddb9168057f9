// Teleport's variables: the same strings, forgiving where Teleport is not.
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { environmentLogin, fromEnvironment } from '../../../src/login/index.js'
import { folder, identityText, issue, keys, put, removeFolders, tshHome } from './tree.js'

afterEach(removeFolders)

describe('fromEnvironment', () => {
  it('says nothing about what is unset or blank', () => {
    expect(fromEnvironment({})).toEqual({})
    expect(fromEnvironment({ TELEPORT_PROXY: ' ', TELEPORT_HOME: '', TELEPORT_USER: undefined })).toEqual({})
  })

  it('understands every variable', () => {
    expect(
      fromEnvironment({
        TELEPORT_HOME: ' /home/alice/.tsh ',
        TELEPORT_PROXY: 'proxy.test:3080',
        TELEPORT_CLUSTER: 'leaf',
        TELEPORT_USER: 'alice',
        TELEPORT_IDENTITY_FILE: '/run/identity',
        TELEPORT_KUBE_CLUSTER: 'prod',
        TELEPORT_TLS_ROUTING_CONN_UPGRADE: 'proxy.test=yes',
      }),
    ).toEqual({
      home: '/home/alice/.tsh',
      origin: 'https://proxy.test:3080',
      profile: 'proxy.test',
      cluster: 'leaf',
      user: 'alice',
      identityFile: '/run/identity',
      kube: 'prod',
      override: 'proxy.test=yes',
    })
    expect(fromEnvironment({ TELEPORT_SITE: 'old' })).toEqual({ cluster: 'old' })
    expect(fromEnvironment({ TELEPORT_SITE: 'old', TELEPORT_CLUSTER: 'new' })).toEqual({ cluster: 'new' })
  })

  it.each([
    ['proxy.test', 'https://proxy.test', 'proxy.test'],
    ['proxy.test:443', 'https://proxy.test', 'proxy.test'],
    ['https://proxy.test/', 'https://proxy.test', 'proxy.test'],
    ['HTTPS://proxy.test:8443//', 'https://proxy.test:8443', 'proxy.test'],
    ['proxy.test:3080,3023', 'https://proxy.test:3080', 'proxy.test'],
    ['proxy.test:,3023', 'https://proxy.test', 'proxy.test'],
    ['[::1]:3080', 'https://[::1]:3080', '::1'],
    ['192.0.2.1:3080', 'https://192.0.2.1:3080', '192.0.2.1'],
  ])('takes %s for a proxy', (TELEPORT_PROXY, origin, profile) => {
    expect(fromEnvironment({ TELEPORT_PROXY })).toEqual({ origin, profile })
  })

  it.each([
    'http://proxy.test',
    'proxy.test:http',
    'proxy.test:0',
    'proxy.test:70000',
    'a b',
    'u:p@proxy.test',
    '::1',
  ])('refuses %s, without repeating it', (TELEPORT_PROXY) => {
    const parse = () => fromEnvironment({ TELEPORT_PROXY })
    expect(parse).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }))
    expect(parse).not.toThrow(TELEPORT_PROXY)
  })
})

describe('environmentLogin', () => {
  it('is the identity file where one is named', async () => {
    const path = await put(join(await folder(), 'identity'), await identityText(await issue()))
    const env = { TELEPORT_IDENTITY_FILE: path, TELEPORT_PROXY: 'proxy.test', TELEPORT_CLUSTER: 'leaf' }
    expect(await environmentLogin(env)).toMatchObject({
      origin: 'https://proxy.test',
      cluster: 'leaf',
      user: 'alice',
    })
    await expect(environmentLogin(env, { database: 'orders' })).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
    })
  })

  it('is the profile of TELEPORT_PROXY in TELEPORT_HOME otherwise', async () => {
    const home = await tshHome()
    const alice = await issue()
    await put(keys(home, 'alice.crt'), alice.certificate)
    await put(keys(home, 'alice.key'), alice.privateKey)
    const env = { TELEPORT_HOME: home, TELEPORT_PROXY: 'proxy.test:8443' }
    expect(await environmentLogin(env)).toMatchObject({ origin: 'https://proxy.test:8443', user: 'alice' })
    await expect(environmentLogin({ ...env, TELEPORT_PROXY: 'else.test' })).rejects.toMatchObject({
      code: 'ERR_CONFIG_LOGIN',
    })
    await expect(environmentLogin({ ...env, TELEPORT_USER: 'bob' })).rejects.toMatchObject({
      code: 'ERR_CONFIG_LOGIN',
    })
    expect(
      await environmentLogin({ ...env, TELEPORT_PROXY: 'else.test' }, { profile: 'proxy.test' }),
    ).toMatchObject({
      user: 'alice',
    })
  })
})
