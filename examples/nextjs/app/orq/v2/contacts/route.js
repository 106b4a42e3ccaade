import { after } from 'next/server'
import { getProxy } from '../../../proxy.js'

// A route handler is not told who connects, and without an address nothing limits requests that bring no valid token. Name
// in ADDRESS_HEADER the header in which what stands in front of this app says it, such as `x-real-ip`. It has to replace
// what a visitor sends under that name: a header that is only passed on lets everybody choose what they are counted as.
const { ADDRESS_HEADER } = process.env

export const POST = (request) =>
  getProxy().fetch(request, {
    address: (ADDRESS_HEADER && request.headers.get(ADDRESS_HEADER)) || undefined,
    // A page may leave before its answer, and hosts that stop when one is given would stop the call.
    waitUntil: (work) => after(work),
  })
export const OPTIONS = POST
