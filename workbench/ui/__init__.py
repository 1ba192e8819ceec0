"""Parts shared by pages and views of labs: style, frames, links, cards, and plots of scans and scenes."""
