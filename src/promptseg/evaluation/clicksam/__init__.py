"""The experiment of ClickSAM (arXiv 2402.05902; SPIE 12932), repeated with any promptable model, and reported honestly.

The paper's figure, a mean IoU of .916 on BUSI, was measured on the images that both of its stages were trained on, with
clicks computed from the reference. Here the same is done under that protocol, and under two that keep training and test
apart; with the paper's clicks, a simulated user and boxes; beside four other ways to adapt the network.
"""
