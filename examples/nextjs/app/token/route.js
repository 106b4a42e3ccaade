import { mintToken } from 'orq-identify/server'

/** For whoever is signed in by your session; here it is always Jane. */
export const POST = async () => {
  const token = await mintToken({ subject: 'user_1' }, { secret: process.env.ORQ_TOKEN_SECRET })
  return Response.json({ token }, { headers: { 'cache-control': 'no-store' } })
}
