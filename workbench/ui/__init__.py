"""What pages and the views of labs share: style, frames, links, cards, and plots of scans and scenes."""
