"""Decoding measured against RGB decoders on the user's own files; ``dctdecode bench`` is its front.

Every answer is checked before anything is timed; the decoders take turns round by round; all is reported per
chroma subsampling, since that decides what a decoder has to do.

- `contenders`: the table of decoders
- `corpus`: which files, read into memory
- `check`: what each decoder answers, and which files all of them can read
- `timing`: the rounds
- `report`, `plot`: the tables, the JSON record, the picture
"""
