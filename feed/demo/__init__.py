"""The demo: everything running on one machine, on a simulated community or on real data, and a check of its story.

``preparing`` fills a home folder, ``traffic`` lets simulated readers use the public API, ``running`` puts both beside a
server for people to look at, ``story`` plays what the service promises and compares it with what is seen.
"""
