// A shorter story through the aws4 package: its signatures cover the body without naming its hash.
'use strict'

const assert = require('node:assert')
const http = require('node:http')
const aws4 = require('aws4')

const { hostname, port } = new URL(process.env.K2V_ENDPOINT)
const bucket = process.env.K2V_BUCKET
const TOKEN = 'x-garage-causality-token'

function call(method, path, { headers = {}, body } = {}) {
  const options = { service: 'k2v', region: process.env.AWS_REGION, hostname, port, method, path, headers, body }
  // The key and its secret come from the environment.
  const signed = aws4.sign(options)
  assert(!('X-Amz-Content-Sha256' in signed.headers), 'it names no hash, which is the point of this story')
  return send(signed, body)
}

function send(options, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(options, (answer) => {
      const chunks = []
      answer.on('data', (chunk) => chunks.push(chunk))
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks) }))
    })
    request.on('error', reject)
    request.end(body)
  })
}

async function items() {
  const pk = encodeURIComponent('aws4//items & Ωmega/..')
  const item = `/${bucket}/${pk}?sort_key=${encodeURIComponent('a b/c')}`
  const json = { headers: { Accept: 'application/json' } }
  assert.strictEqual((await call('PUT', item, { body: 'one' })).status, 204)
  const first = await call('GET', item, json)
  assert.deepStrictEqual(JSON.parse(first.body), [Buffer.from('one').toString('base64')])
  const headers = { [TOKEN]: first.headers[TOKEN] }
  assert.strictEqual((await call('PUT', item, { headers, body: 'two' })).status, 204)
  const second = await call('GET', item, { headers: { Accept: 'application/octet-stream' } })
  assert.strictEqual(second.body.toString(), 'two')
  const gone = await call('DELETE', item, { headers: { [TOKEN]: second.headers[TOKEN] } })
  assert.strictEqual(gone.status, 204)
  const last = await call('GET', item, { headers: { Accept: 'application/json' } })
  assert.deepStrictEqual(JSON.parse(last.body), [null])
  console.log('aws4: items')
}

async function batches() {
  const pk = 'aws4: batches'
  const body = JSON.stringify([1, 2].map((n) => ({ pk, sk: `item-${n}`, ct: null, v: 'AAEC' })))
  assert.strictEqual((await call('POST', `/${bucket}`, { body })).status, 204)
  const query = JSON.stringify([{ partitionKey: pk, start: 'item-2' }])
  const [page] = JSON.parse((await call('POST', `/${bucket}?search=`, { body: query })).body)
  assert.deepStrictEqual(page.items.map(({ sk, v }) => [sk, v]), [['item-2', ['AAEC']]])
  const index = JSON.parse((await call('GET', `/${bucket}?prefix=${encodeURIComponent(pk)}`)).body)
  assert.strictEqual(index.partitionKeys[0].entries, 2)
  console.log('aws4: batches')
}

async function presigned() {
  const pk = 'aws4: presigned'
  const path = `/${bucket}/${encodeURIComponent(pk)}?sort_key=a`
  await call('PUT', path, { body: 'for everybody' })
  const address = aws4.sign(
    { service: 'k2v', region: process.env.AWS_REGION, hostname, port, path: `${path}&X-Amz-Expires=60`, signQuery: true },
  )
  const read = await send({ hostname, port, path: address.path, headers: { Accept: 'application/octet-stream' } })
  assert.strictEqual(read.body.toString(), 'for everybody')
  console.log('aws4: presigned')
}

items().then(batches).then(presigned).catch((error) => {
  console.error(error)
  process.exit(1)
})
