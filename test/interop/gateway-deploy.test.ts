// The files of deploy/: whatever program here reads one of them says that it is good.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse as parseToml } from 'smol-toml'
import { afterEach, describe, expect, it } from 'vitest'
import { parseDocument } from 'yaml'
import { problemsOf } from '../../src/gateway/file/check.js'
import { gatewaySchema } from '../../src/gateway/file/schema.js'
import { createAuthority } from '../support/certificates.js'
import { type TemporaryFolder, temporaryFolder, writeCertificate } from '../support/files.js'
import { describePeer, requireProgram } from '../support/peers.js'
import { freePort } from '../support/servers/index.js'

const folders: TemporaryFolder[] = []
afterEach(async () => {
  for (const folder of folders.splice(0)) await folder.remove()
})

/** An example with its certificates' paths and its port as this machine has them. */
async function example(name: string): Promise<{ folder: TemporaryFolder; text: string; port: number }> {
  const folder = await temporaryFolder('deploy')
  folders.push(folder)
  const authority = await createAuthority()
  await writeCertificate(folder, 'proxy', await authority.issue({ names: ['proxy.example.com'] }))
  const port = await freePort()
  const text = readFileSync(join('deploy', 'load-balancers', name), 'utf8')
    .replace(/\/etc\/[a-z0-9]+\/tls\//g, `${folder.path}/`)
    .replace(/\b(listen |bind |\*):?443\b/g, (_, before: string) =>
      before === 'bind '
        ? `bind 127.0.0.1:${port}`
        : before === '*'
          ? `127.0.0.1:${port}`
          : `listen 127.0.0.1:${port}`,
    )
  return { folder, text, port }
}

function judge(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(program, [...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  return { status, said: `${stdout}${stderr}` }
}

const good = expect.objectContaining({ status: 0 })

describePeer('nginx', 'nginx -t', () => {
  it('takes deploy/load-balancers/nginx.conf', async () => {
    const { folder, text } = await example('nginx.conf')
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `${kind}_temp_path ${folder.path}/${kind};`,
    )
    const config = await folder.write(
      'nginx.conf',
      text.replace('http {', `http { access_log off; ${paths.join(' ')}`),
    )
    const globals = `pid ${folder.path}/nginx.pid; error_log ${folder.path}/error.log;`
    expect(
      judge(requireProgram('nginx'), ['-t', '-e', `${folder.path}/e.log`, '-g', globals, '-c', config]),
    ).toEqual(good)
  })
})

describePeer('haproxy', 'haproxy -c', () => {
  it('takes deploy/load-balancers/haproxy.cfg', async () => {
    const { folder, text } = await example('haproxy.cfg')
    const config = await folder.write('haproxy.cfg', text)
    expect(judge(requireProgram('haproxy'), ['-c', '-f', config])).toEqual(good)
  })
})

describePeer('caddy', 'caddy validate', () => {
  it('takes deploy/load-balancers/Caddyfile', async () => {
    const { folder, text } = await example('Caddyfile')
    const config = await folder.write('Caddyfile', `{\n\tskip_install_trust\n}\n${text}`)
    const home = { HOME: folder.path, XDG_DATA_HOME: folder.path, XDG_CONFIG_HOME: folder.path }
    expect(
      judge(requireProgram('caddy'), ['validate', '--adapter', 'caddyfile', '--config', config], home),
    ).toEqual(good)
  })
})

describePeer('apache', 'apache2 -t', () => {
  it('takes deploy/load-balancers/apache.conf', async () => {
    const { folder, text, port } = await example('apache.conf')
    const modules = ['mpm_event', 'authz_core', 'proxy', 'proxy_http', 'ssl', 'socache_shmcb']
    const config = await folder.write(
      'apache.conf',
      `ServerRoot ${folder.path}
ServerName localhost
PidFile ${folder.path}/pid
ErrorLog ${folder.path}/error.log
Mutex file:${folder.path}
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
Listen 127.0.0.1:${port}
${text}`,
    )
    expect(judge(requireProgram('apache2'), ['-t', '-f', config])).toEqual(good)
  })
})

describePeer('systemd', 'systemd-analyze verify', () => {
  it('takes deploy/underpass-gateway.service', () => {
    const unit = join(process.cwd(), 'deploy', 'underpass-gateway.service')
    const { status, said } = judge(requireProgram('systemd-analyze'), ['verify', '--man=no', unit])
    expect(said.split('\n').filter((line) => line.includes('underpass-gateway'))).toEqual([])
    expect(status).toBe(0)
  })
})

describe('what no program here reads', () => {
  it('is a configuration that fits its schema', () => {
    const config = parseToml(readFileSync('deploy/gateway.toml', 'utf8'))
    expect(problemsOf(config, gatewaySchema)).toEqual([])
  })

  it.each(['envoy.yaml', 'traefik.yaml', 'cloudflared.yaml'])('is YAML: %s', (name) => {
    const { errors, contents } = parseDocument(readFileSync(join('deploy', 'load-balancers', name), 'utf8'))
    expect(errors).toEqual([])
    expect(contents).not.toBeNull()
  })

  it('names the one setting in each', () => {
    const missing = readdirSync('deploy/load-balancers').filter(
      (name) =>
        !/The one setting: /.test(
          readFileSync(join('deploy', 'load-balancers', name), 'utf8').replace(/\n# ?/g, ' '),
        ),
    )
    expect(missing).toEqual([])
  })
})
