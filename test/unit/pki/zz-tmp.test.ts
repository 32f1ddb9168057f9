import { it } from 'vitest'
import { runLimbo } from '/work/main/test/vectors/limbo.ts'
import { nodeCrypto } from '/work/main/src/platform/node/crypto.ts'
import { readFileSync } from 'node:fs'
const r = JSON.parse(readFileSync('/work/shared/conformance/x509-limbo-references.json','utf8'))
const cat = (id) => ['consensus','some','none'].find(k => r[k].includes(id))
it('x', async () => {
  for (const f of ['core','bettertls-sample']) {
    const s = await runLimbo(`/work/shared/conformance/x509-limbo-${f}.json`, nodeCrypto)
    console.log(f, s.total, s.ok, s.wrongAccept.length, s.wrongReject.length, s.skipped, s.slowest)
    console.log(s.wrongAccept.map(i => cat(i)+' '+i).sort().join('\n'))
    console.log(s.wrongReject.map(i => cat(i.id)+' '+i.id+' '+i.reason).sort().join('\n'))
    globalThis.process.env.CODES && console.log([...s.codes].map(x=>x.join(' ')).join('\n'))
  }
}, 60000)
