import { getProxy } from '../../../proxy.js'

export const POST = (request) => getProxy().fetch(request)
export const OPTIONS = POST
