// Static pages of the gateway: the files of a folder and nothing else, with strict headers.
import { mkdir } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pageHeaders, servePages } from '../../../src/gateway/pages.js'
import { type TemporaryFolder, temporaryFolder } from '../../support/files.js'

describe('servePages', () => {
  let folder: TemporaryFolder
  let port: number
  const server = createServer()

  beforeAll(async () => {
    folder = await temporaryFolder('pages')
    await mkdir(join(folder.path, 'chunks'))
    await folder.write('index.html', '<html data-server="worker">')
    await folder.write('main.js', 'export {}')
    await folder.write(join('chunks', 'a-B1.js'), 'export {}')
    await folder.write('_headers', '/*\n  Secret: none of their business')
    const pages = servePages(folder.path)
    server.on('request', (incoming, response) => {
      if (!pages(incoming, response)) response.writeHead(418).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  })
  afterAll(async () => {
    server.closeAllConnections()
    server.close()
    await folder.remove()
  })

  const ask = (path: string, method = 'GET') =>
    new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, path, method, agent: false }, (response) => {
        let body = ''
        response.on('data', (chunk) => {
          body += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }))
      })
      asked.on('error', reject).end()
    })

  it('serves the page at / and by name, knowing that no Worker is there', async () => {
    for (const path of ['/', '/index.html', '/?x=1']) {
      const { status, headers, body } = await ask(path)
      expect([status, body]).toEqual([200, '<html data-server="gateway">'])
      expect(headers['content-length']).toBe(String(body.length))
    }
  })

  it('holds every answer to the strict headers', async () => {
    const { headers } = await ask('/main.js')
    for (const [name, value] of Object.entries(pageHeaders)) expect(headers[name.toLowerCase()]).toBe(value)
    expect(headers['content-type']).toBe('text/javascript; charset=utf-8')
    expect(String(headers['content-security-policy'])).not.toMatch(/unsafe|\*/)
  })

  it('lets only hashed files be kept', async () => {
    expect((await ask('/main.js')).headers['cache-control']).toBe('no-cache')
    expect((await ask('/chunks/a-B1.js')).headers['cache-control']).toContain('immutable')
  })

  it('answers HEAD without a body', async () => {
    expect(await ask('/main.js', 'HEAD')).toMatchObject({ status: 200, body: '' })
  })

  it.each([
    ['/webapi/connectionupgrade', 'GET'],
    ['/', 'POST'],
    ['/_headers', 'GET'],
    ['/../pages.ts', 'GET'],
    ['/%2e%2e/etc/passwd', 'GET'],
    ['/chunks/', 'GET'],
    ['//main.js', 'GET'],
  ])('leaves %s %s to others', async (path, method) => {
    expect((await ask(path, method)).status).toBe(418)
  })
})
