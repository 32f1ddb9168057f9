// docs/hardening.md with the tables that are made from test cases.
import { badClients } from './bad-clients-doc.js'
import { badServers } from './bad-servers-doc.js'

export function hardeningDocument(document: string): string {
  return badClients(badServers(document))
}
