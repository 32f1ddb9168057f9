// Makes the certificates that are asked for over IPC.
import { createAuthority } from '../support/certificates.js'
import type { Wanted } from './credentials.js'

process.on('message', async ({ key, intermediate, names }: Wanted) => {
  const root = await createAuthority({ key, name: 'bench root' })
  const authority = intermediate ? await root.intermediate({ key, name: 'bench intermediate' }) : root
  const server = await authority.issue({ key, names, usage: 'server' })
  const client = await authority.issue({ key, usage: 'client', commonName: 'bench client' })
  process.send!({
    ca: root.certificate,
    server: { chain: server.chain, privateKey: server.privateKey },
    client: { chain: client.chain, privateKey: client.privateKey },
  })
})
